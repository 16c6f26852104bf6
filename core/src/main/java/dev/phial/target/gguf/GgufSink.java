package dev.phial.target.gguf;

import dev.phial.PhialException;
import dev.phial.io.AtomicFile;
import dev.phial.kernel.Kernels;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.target.Sink;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes GGUF files, each piece where the layout says. */
final class GgufSink implements Sink {
  /** Beyond this, a half-precision number or scale might overflow. */
  private static final float SUSPICIOUS = 60000;

  private final List<AtomicFile> files = new ArrayList<>();
  private final IdentityHashMap<Weight, Slot> slots = new IdentityHashMap<>();
  private final List<Weight> weights = new ArrayList<>();

  /** Where a parameter goes. */
  private record Slot(
      PlannedTensor tensor, Optional<float[]> importance, AtomicFile file, long offset) {}

  /**
   * @param importance by the tensor's name before layers were renumbered
   */
  GgufSink(
      List<GgufLayout> layouts,
      List<Path> paths,
      Map<String, float[]> importance,
      boolean replace) {
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
                  tensor, Optional.ofNullable(importance.get(weight.ggufName())), file, offset));
          weights.add(weight);
          long end = offset + GgufLayout.padded(tensor);
          file.write(
              ByteBuffer.allocate((int) (end - offset - tensor.bytes())), offset + tensor.bytes());
          offset = end;
        }
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
    // plain numbers are looked at even where they are copied: a NaN must not pass
    PlannedTensor tensor = slot(weight).tensor;
    return !tensor.isCopied() || tensor.format().blockSize() == 1;
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    Slot slot = slot(weight);
    int columns = Math.toIntExact(weight.shape().columns());
    long rowBytes = slot.tensor.format().bytes(columns);
    byte[] bytes = new byte[Math.toIntExact(count * rowBytes)];
    if (slot.tensor.isCopied()) {
      weight.copy(first, count, bytes);
    } else {
      float[] importance = slot.importance.map(all -> expert(all, weight, first)).orElse(null);
      slot.tensor.format().encode(values, count, columns, importance, bytes, 0);
      checkRange(slot.tensor, values, count * columns, bytes);
    }
    slot.file.write(ByteBuffer.wrap(bytes), slot.offset + first * rowBytes);
  }

  /** The part of a stack's importance that belongs to the expert of a row. */
  private static float[] expert(float[] importance, Weight weight, long row) {
    int columns = Math.toIntExact(weight.shape().columns());
    int expert = Math.toIntExact(row / weight.matrixRows());
    return importance.length == columns
        ? importance
        : Arrays.copyOfRange(importance, expert * columns, (expert + 1) * columns);
  }

  /**
   * Large numbers must have survived: what overflowed to infinity would be garbage in any runtime.
   */
  private static void checkRange(PlannedTensor tensor, float[] values, int count, byte[] bytes) {
    float largest = Math.abs(Kernels.best().extreme(values, 0, count));
    if (largest < SUSPICIOUS) {
      return;
    }
    float[] decoded = new float[count];
    tensor.format().decode(MemorySegment.ofArray(bytes), 0, decoded, 0, count);
    for (float value : decoded) {
      if (!Float.isFinite(value)) {
        throw new PhialException.Unsupported(
            "tensor %s: expected numbers that fit %s, found %s; choose BF16, or --tensor-type for this tensor"
                .formatted(tensor.name(), tensor.format().name(), largest));
      }
    }
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
    AtomicFile.commit(files);
  }

  @Override
  public void close() {
    files.forEach(AtomicFile::close);
  }
}
