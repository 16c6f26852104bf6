package dev.phial.source;

import dev.phial.quant.activation.RoundedActivations;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A model at rest: its tensors, lazily, and what says what they are, which is the {@link Folder}
 * they lie in or the metadata of a {@link Gguf} file; there is always one of these two.
 */
public final class Checkpoint implements AutoCloseable {
  private final Path path;
  private final String name;
  private final String kind;
  private final Weights weights;
  private final Optional<Folder> folder;
  private final Optional<Gguf> gguf;
  private final Optional<Checkpoint> lender; // of the weights, if they come from elsewhere
  private final List<AppliedAdapter> adapters;
  private final List<String> notes;

  private Checkpoint(
      Path path,
      String name,
      String kind,
      Weights weights,
      Optional<Folder> folder,
      Optional<Gguf> gguf,
      Optional<Checkpoint> lender,
      List<AppliedAdapter> adapters,
      List<String> notes) {
    this.path = path;
    this.name = name;
    this.kind = kind;
    this.weights = weights;
    this.folder = folder;
    this.gguf = gguf;
    this.lender = lender;
    this.adapters = List.copyOf(adapters);
    this.notes = List.copyOf(notes);
  }

  static Checkpoint of(String kind, Folder folder, Weights weights) {
    return new Checkpoint(
        folder.path(),
        folder.name(),
        kind,
        weights,
        Optional.of(folder),
        Optional.empty(),
        Optional.empty(),
        List.of(),
        List.of());
  }

  static Checkpoint of(String kind, String name, Gguf gguf, Weights weights) {
    return new Checkpoint(
        gguf.path(),
        name,
        kind,
        weights,
        Optional.empty(),
        Optional.of(gguf),
        Optional.empty(),
        List.of(),
        List.of());
  }

  /**
   * These weights with the configuration and the tokenizer of another folder, which need hold no
   * weights. It is closed with either.
   */
  public Checkpoint beside(Folder other) {
    return new Checkpoint(
        other.path(),
        name,
        kind,
        weights,
        Optional.of(other),
        Optional.empty(),
        Optional.of(this),
        adapters,
        notes);
  }

  /** This checkpoint under another name than that of its folder. */
  public Checkpoint named(String other) {
    Optional<Folder> renamed = folder.map(f -> f.named(other));
    return new Checkpoint(path, other, kind, weights, renamed, gguf, lender, adapters, notes);
  }

  /**
   * This checkpoint as its folder would describe the Phi-3 in it, without encoders and adapters.
   */
  public Checkpoint text() {
    return new Checkpoint(
        path, name, kind, weights, folder.map(TextModel::of), gguf, lender, adapters, notes);
  }

  /**
   * This checkpoint as if its config.json named another architecture.
   *
   * @throws dev.phial.PhialException.Unsupported if it has none
   */
  public Checkpoint as(String architecture, String modelType) {
    Folder own =
        folder.orElseThrow(() ->
            Refusal.unsupported(
                path,
                "expected a folder with a config.json to read as something else, found %s",
                kind));
    Folder then = own.with(own.config().of(architecture, modelType));
    return new Checkpoint(
        path, name, kind, weights, Optional.of(then), gguf, lender, adapters, notes);
  }

  /**
   * This checkpoint with an adapter added to its weights, as they are read.
   *
   * @param folder where peft saved it
   * @param scale multiplies what it adds
   * @throws dev.phial.PhialException.BadInput if it is damaged, or made for another model
   * @throws dev.phial.PhialException.Unsupported if it is of a kind that is not read
   */
  public Checkpoint adapted(Path folder, double scale) {
    return adapted(Adapter.read(folder, scale, weights.arena()));
  }

  /**
   * This checkpoint with one of the adapters that came with it added to its weights.
   *
   * @param adapter {@code vision} or {@code speech}
   * @throws dev.phial.PhialException.Unsupported if none of that name came
   */
  public Checkpoint adapted(String adapter) {
    Folder own = transformersFolder();
    Optional<Adapter> inside = Adapter.in(tensors(), own.config(), adapter);
    Path beside = own.path().resolve(adapter + "-lora");
    if (inside.isEmpty() && !Adapter.isIn(beside)) {
      throw Refusal.unsupported(
          path,
          "expected a model that comes with an adapter for %s, as Phi-4-multimodal does, found none; of another, name its folder with --lora",
          adapter);
    }
    return inside.map(this::adapted).orElseGet(() -> adapted(beside, 1));
  }

  /** Whether an adapter of that name came with it. */
  public boolean hasAdapter(String adapter) {
    return tensors().keySet().stream().anyMatch(tensor -> LoraNames.isOf(adapter, tensor))
        || Adapter.isIn(path.resolve(adapter + "-lora"));
  }

  private Checkpoint adapted(Adapter adapter) {
    Folder own = transformersFolder();
    Map<String, Tensor> tensors = AdaptedWeights.of(own, tensors(), adapter);
    Folder then = AdaptedWeights.unties(own, adapter) ? own.tied(false) : own;
    List<AppliedAdapter> all =
        Stream.concat(adapters.stream(), Stream.of(adapter.applied())).toList();
    return new Checkpoint(
            path, name, kind, weights.with(tensors), Optional.of(then), gguf, lender, all, notes)
        .noting(List.of(adapter.note()));
  }

  /** The folder, if tensors have the names that adapters know. */
  private Folder transformersFolder() {
    if (naming() != Naming.TRANSFORMERS || folder.isEmpty()) {
      throw Refusal.unsupported(
          path,
          "expected a folder in the layout of the hub, whose tensors adapters name, found %s; add the adapter to the checkpoint that it was made from",
          kind);
    }
    return folder.get();
  }

  /** The adapters that were added to its weights, one after the other. */
  public List<AppliedAdapter> adapters() {
    return adapters;
  }

  /** This checkpoint with something more to be said of it. */
  public Checkpoint noting(List<String> more) {
    List<String> all = Stream.concat(notes.stream(), more.stream()).toList();
    return new Checkpoint(path, name, kind, weights, folder, gguf, lender, adapters, all);
  }

  /** What whoever uses it should be told, a sentence each, such as what lies there unread. */
  public List<String> notes() {
    return notes;
  }

  /** The checkpoint whose weights these are, if the folder is another's. */
  public Optional<Checkpoint> lender() {
    return lender;
  }

  /** The folder or file it was opened as; the folder beside which its weights were put. */
  public Path path() {
    return path;
  }

  /** What to call it: the name of the folder, or of the file without its ending. */
  public String name() {
    return name;
  }

  /**
   * {@code gguf}, {@code litert}, {@code mlx}, {@code onnx}, {@code openvino}: the target that
   * writes such; or {@code huggingface}.
   */
  public String kind() {
    return kind;
  }

  /** Configuration, tokenizer and what else lies beside the weights, if they are in a folder. */
  public Optional<Folder> folder() {
    return folder;
  }

  /** The metadata, if it is a GGUF file. */
  public Optional<Gguf> gguf() {
    return gguf;
  }

  /** The tensors by name, in the order of the files. */
  public Map<String, Tensor> tensors() {
    return weights.tensors();
  }

  /** Whose names the tensors have. */
  public Naming naming() {
    return weights.naming();
  }

  /** What is rounded between the layers, in a model that says so. */
  public RoundedActivations activations() {
    return weights.activations();
  }

  /** Every file that holds tensors, for checks against the output. */
  public List<Path> files() {
    return weights.files();
  }

  /** What brings these files, if they are not here yet. */
  public Optional<Arrivals> arrivals() {
    return weights.arrivals();
  }

  /**
   * SHA-256 of each of these files; computed once.
   *
   * @throws dev.phial.PhialException.BadInput if one can no longer be read
   */
  public Map<Path, String> hashes() {
    return weights.hashes();
  }

  /** Releases the mapped files; tensors must not be read any more. */
  @Override
  public void close() {
    weights.close();
  }
}
