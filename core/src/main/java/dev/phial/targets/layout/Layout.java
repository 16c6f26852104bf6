package dev.phial.targets.layout;

import dev.phial.PhialException;
import dev.phial.choose.Choosing;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.source.Sources;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** An output, planned to the byte: what lies where in which file, whatever the target. */
public final class Layout {
  private final Plan plan;
  private final List<Region> regions;
  private final Map<Slot, Place> places;
  private final Map<Slot, Content> contents;
  private final List<Path> companions;
  private final FileNames names;
  private final Optional<Provenance> manifest;
  private final Choosing choosing;
  private final Optional<String> obstacle;
  private final ModelDescription model;
  private final RoundedActivations activations;

  private Layout(Builder builder, Plan plan) {
    this.plan = plan;
    this.regions = List.copyOf(builder.regions);
    this.places = Map.copyOf(builder.places);
    this.contents = new LinkedHashMap<>(builder.contents);
    this.companions = List.copyOf(builder.companions);
    this.names = builder.names;
    this.manifest = builder.manifest;
    this.choosing = builder.choosing;
    this.obstacle = builder.obstacle;
    this.model = builder.model;
    this.activations = builder.activations;
  }

  private Layout(Layout other, Choosing choosing) {
    this.plan = other.plan;
    this.regions = other.regions;
    this.places = other.places;
    this.contents = other.contents;
    this.companions = other.companions;
    this.names = other.names;
    this.manifest = other.manifest;
    this.choosing = choosing;
    this.obstacle = other.obstacle;
    this.model = other.model;
    this.activations = other.activations;
  }

  /** This output with codes that are chosen otherwise. */
  Layout with(Choosing other) {
    return new Layout(this, other);
  }

  /** What is laid down so far. */
  public static final class Builder {
    private final ModelDescription model;
    private final FileNames names;
    private final Choosing choosing;
    private final List<PlannedTensor> tensors = new ArrayList<>();
    private final List<Region> regions = new ArrayList<>();
    private final Map<Slot, Place> places = new LinkedHashMap<>();
    private final Map<Slot, Content> contents = new LinkedHashMap<>();
    private final List<Path> companions = new ArrayList<>();
    private Optional<Provenance> manifest = Optional.empty();
    private Optional<String> obstacle = Optional.empty();
    private RoundedActivations activations = RoundedActivations.NONE;

    /**
     * @param model whose parameters the tensors are made of
     * @param names what the files of the output are called
     */
    public Builder(ModelDescription model, FileNames names, Choosing choosing) {
      this.model = model;
      this.names = names;
      this.choosing = choosing;
    }

    /** Gives a slot its place. */
    public Builder place(Slot slot, String file, long offset) {
      if (places.put(slot, new Place(file, offset)) != null) {
        throw new IllegalStateException("two places for " + slot.name());
      }
      return this;
    }

    /** A tensor whose slots have places, or are given them later. */
    public Builder region(PlannedTensor tensor, Store store) {
      tensors.add(tensor);
      regions.add(new Region(tensor, store));
      return this;
    }

    /** A tensor that is part of some content already. */
    public Builder inside(PlannedTensor tensor) {
      tensors.add(tensor);
      return this;
    }

    /** Fills a slot with what follows from no parameter. */
    public Builder content(Slot slot, Content content) {
      contents.put(slot, content);
      return this;
    }

    /** A whole file that is known. */
    public Builder file(String name, byte[] bytes) {
      Slot slot = Slot.of(name, bytes.length);
      return place(slot, name, 0).content(slot, Content.of(bytes));
    }

    /** Whole files that are known. */
    public Builder files(Map<String, byte[]> files) {
      files.forEach(this::file);
      return this;
    }

    /** Files of the checkpoint that come along under their own names. */
    public Builder companions(List<Path> files) {
      companions.addAll(files);
      return this;
    }

    /** Adds a manifest, which tells where the output comes from. */
    public Builder manifest(Provenance given) {
      manifest = Optional.of(given);
      return this;
    }

    /** What the output has activations rounded to. */
    public Builder activations(RoundedActivations given) {
      activations = given;
      return this;
    }

    /** Why it can be planned and not be written, with what to do about it. */
    public Builder obstacle(String sentence) {
      obstacle = Optional.of(sentence);
      return this;
    }

    /**
     * Ends the planning.
     *
     * @param target for display, as are the precision and the settings
     */
    public Layout build(String target, String precision, String settings) {
      long bytes =
          fileBytes()
              + companions.stream().mapToLong(Sources::size).sum()
              + manifest
                  .filter(any -> names.isFolder())
                  .map(any -> any.bytes(fileNames(places, companions)))
                  .orElse(0L);
      return new Layout(
          this, new Plan(target, precision, model.hyperparameters(), tensors, bytes, settings));
    }

    /** Files end where their last slot does. */
    private long fileBytes() {
      Map<String, Long> ends = new HashMap<>();
      places.forEach(
          (slot, place) -> ends.merge(place.file(), place.offset() + slot.bytes(), Math::max));
      return ends.values().stream().mapToLong(end -> end).sum();
    }
  }

  /** The files, the manifest and companions aside. */
  Set<String> fileNames() {
    Set<String> files = new LinkedHashSet<>();
    places.values().forEach(place -> files.add(place.file()));
    return files;
  }

  private static Set<String> fileNames(Map<Slot, Place> places, List<Path> companions) {
    Set<String> files = new LinkedHashSet<>();
    places.values().forEach(place -> files.add(place.file()));
    companions.forEach(file -> files.add(String.valueOf(file.getFileName())));
    return files;
  }

  public Plan plan() {
    return plan;
  }

  /** The model whose parameters the tensors are made of. */
  public ModelDescription model() {
    return model;
  }

  RoundedActivations activations() {
    return activations;
  }

  List<Region> regions() {
    return regions;
  }

  Map<Slot, Place> places() {
    return places;
  }

  /** In the order in which they were laid down. */
  Map<Slot, Content> contents() {
    return contents;
  }

  List<Path> companions() {
    return companions;
  }

  Optional<Provenance> manifest() {
    return manifest;
  }

  Choosing choosing() {
    return choosing;
  }

  /** The files it would write if it were written to {@code output}. */
  public List<Path> files(Path output) {
    return Stream.concat(
            fileNames(places, companions).stream().sorted().map(name -> names.path(output, name)),
            manifest.map(any -> names.manifest(output)).stream())
        .toList();
  }

  /**
   * Starts writing.
   *
   * @param replace whether existing files may be replaced
   * @throws PhialException.OutputFailed if the output exists or cannot be written
   * @throws PhialException.Usage if something is missing to write it
   */
  public FileSink open(Path output, boolean replace) {
    obstacle.ifPresent(sentence -> {
      throw new PhialException.Usage(sentence);
    });
    return FileSink.open(this, names.create(output, replace, manifest.isPresent()));
  }

  /** Starts making the blocks alone: what takes them has them laid down in an open output. */
  public Sink encode(Blocks to) {
    return new BlockSink(this, to);
  }

  /** Starts holding the tensors in memory instead; none is taken yet. */
  public MemorySink inMemory() {
    return new MemorySink(this);
  }
}
