package dev.phial.choose;

import dev.phial.PhialException;
import dev.phial.kernel.Kernels;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Format;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Rounds as the reference quantizer of the format does, to the byte.
 *
 * @param exact whether numbers must not be rounded
 * @param remedy what to do about numbers that the format cannot hold, for messages
 */
record Reference(
    PlannedTensor tensor, Weight weight, Importance importance, boolean exact, String remedy)
    implements Chooser {
  /** Beyond this, a half-precision number or scale might overflow. */
  private static final float SUSPICIOUS = 60000;

  @Override
  public boolean needsValues() {
    return true;
  }

  @Override
  public byte[] encode(long first, int count, float[] values, int at) {
    Format format = tensor.format();
    int columns = tensor.columns();
    int elements = count * columns;
    float[] x = at == 0 ? values : Arrays.copyOfRange(values, at, at + elements);
    if (exact) {
      Kept.checkExact(tensor, x, elements);
    }
    byte[] bytes = new byte[Math.toIntExact(count * tensor.rowBytes())];
    format.from(first).encode(x, count, columns, importance(first), bytes, 0);
    checkRange(x, elements, bytes);
    return bytes;
  }

  private float @Nullable [] importance(long row) {
    return tensor.columns() == 1
        ? null
        : importance.of(weight, Math.toIntExact(row / weight.matrixRows())).orElse(null);
  }

  /**
   * Large numbers must have survived: what overflowed to infinity would be garbage in any runtime.
   */
  private void checkRange(float[] x, int count, byte[] bytes) {
    float largest = Math.abs(Kernels.best().extreme(x, 0, count));
    if (largest < SUSPICIOUS) {
      return;
    }
    float[] decoded = new float[count];
    tensor.format().decode(MemorySegment.ofArray(bytes), 0, decoded, 0, count);
    for (float value : decoded) {
      if (!Float.isFinite(value)) {
        throw new PhialException.Unsupported(
            "tensor %s: expected numbers that fit %s, found %s; %s"
                .formatted(tensor.name(), tensor.format().name(), largest, remedy));
      }
    }
  }
}
