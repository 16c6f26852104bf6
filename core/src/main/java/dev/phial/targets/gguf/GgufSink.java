package dev.phial.targets.gguf;

import dev.phial.io.AtomicFile;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Writes GGUF files, each piece where the layout says. */
final class GgufSink implements Sink {
  private final List<AtomicFile> files = new ArrayList<>();
  private final IdentityHashMap<Weight, Slot> slots = new IdentityHashMap<>();
  private final List<Weight> weights = new ArrayList<>();

  private Optional<Slip> manifest = Optional.empty();

  /** What is written beside the files. */
  private record Slip(Manifest manifest, AtomicFile file) {}

  /** Where a parameter goes. */
  private record Slot(RowEncoder encoder, AtomicFile file, long offset) {}

  /**
   * @param manifest where it goes, if there is to be one
   */
  GgufSink(GgufJob job, List<Path> paths, Path manifest, boolean replace) {
    List<GgufLayout> layouts = job.layouts();
    Map<String, float[]> importance = job.importance();
    try {
      for (int i = 0; i < layouts.size(); i++) {
        AtomicFile file = AtomicFile.create(paths.get(i), replace);
        files.add(file);
        byte[] header = layouts.get(i).header();
        file.write(ByteBuffer.wrap(header), 0);
        long offset = header.length;
        for (PlannedTensor tensor : layouts.get(i).tensors()) {
          Weight weight = tensor.weight();
          slots.put(
              weight,
              new Slot(
                  new RowEncoder(
                      tensor,
                      Optional.ofNullable(importance.get(weight.ggufName())),
                      job.carries()),
                  file,
                  offset));
          weights.add(weight);
          long end = offset + GgufLayout.padded(tensor);
          file.write(
              ByteBuffer.allocate((int) (end - offset - tensor.bytes())), offset + tensor.bytes());
          offset = end;
        }
      }
      if (job.manifest().isPresent()) {
        this.manifest =
            Optional.of(new Slip(job.manifest().get(), AtomicFile.create(manifest, replace)));
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  @Override
  public List<Weight> weights() {
    return weights;
  }

  @Override
  public boolean needsValues(Weight weight) {
    return slot(weight).encoder.needsValues();
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    Slot slot = slot(weight);
    byte[] bytes = slot.encoder.encode(first, count, values);
    slot.file.write(ByteBuffer.wrap(bytes), slot.offset + first * slot.encoder.rowBytes());
  }

  private Slot slot(Weight weight) {
    Slot slot = slots.get(weight);
    if (slot == null) {
      throw new IllegalArgumentException("not asked for " + weight.ggufName());
    }
    return slot;
  }

  @Override
  public void commit() {
    List<AtomicFile> all = new ArrayList<>(files);
    manifest.ifPresent(slip -> {
      slip.file.write(ByteBuffer.wrap(slip.manifest.json(parts())), 0);
      all.add(slip.file);
    });
    AtomicFile.commit(all);
  }

  private Map<String, Path> parts() {
    return files.stream()
        .collect(
            Collectors.toMap(
                file -> String.valueOf(file.target().getFileName()), AtomicFile::part));
  }

  @Override
  public void close() {
    files.forEach(AtomicFile::close);
    manifest.ifPresent(slip -> slip.file.close());
  }
}
