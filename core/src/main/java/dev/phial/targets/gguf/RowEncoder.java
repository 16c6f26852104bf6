package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.kernel.Kernels;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Formats;
import dev.phial.quant.Recoding;
import dev.phial.targets.Carry;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.IntegerBlocks;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/**
 * Makes the bytes of a planned tensor.
 *
 * @param importance of all its matrices
 * @param carries whether codes come along as they are, and numbers unrounded
 */
record RowEncoder(PlannedTensor tensor, Optional<float[]> importance, boolean carries) {
  RowEncoder(PlannedTensor tensor, Optional<float[]> importance) {
    this(tensor, importance, false);
  }

  /** Beyond this, a half-precision number or scale might overflow. */
  private static final float SUSPICIOUS = 60000;

  /** Bytes of a row. */
  long rowBytes() {
    return tensor.format().bytes(columns());
  }

  /** Whether {@link #encode} looks at values. */
  boolean needsValues() {
    // plain numbers are looked at even where they are copied: a NaN must not pass
    return tensor.format().blockSize() == 1 || !tensor.isCopied() && recoding().isEmpty();
  }

  private Optional<Recoding> recoding() {
    return carries ? CarriedTypes.recoding(tensor) : Optional.empty();
  }

  /**
   * Encodes rows of one matrix.
   *
   * @param first row of the parameter
   * @param values {@code [count][columns]}, finite
   */
  byte[] encode(long first, int count, float[] values) {
    byte[] bytes = new byte[Math.toIntExact(count * rowBytes())];
    if (tensor.isCopied()) {
      tensor.weight().copy(first, count, bytes);
    } else if (recoding().isPresent()) {
      carry(first, count, recoding().get(), bytes);
    } else {
      if (carries) {
        Carry.checkExact(tensor.name(), type(), values, 0, count * columns());
      }
      float[] weights = importance.map(all -> ofExpert(all, first)).orElse(null);
      tensor.format().encode(values, count, columns(), weights, bytes, 0);
      checkRange(values, count * columns(), bytes);
    }
    return bytes;
  }

  private void carry(long first, int count, Recoding recoding, byte[] to) {
    IntegerBlocks format = (IntegerBlocks) tensor.format();
    CodedRows codes = Carry.read(tensor.weight(), first, count, recoding, tensor.name());
    for (int group = 0; group < codes.groups(); group++) {
      format.putTogether(codes, group, to, group * format.blockBytes());
    }
  }

  /** Of numbers that are not quantized. */
  private FloatType type() {
    return Arrays.stream(FloatType.values())
        .filter(type -> Formats.of(type) == tensor.format())
        .findFirst()
        .orElseThrow();
  }

  private int columns() {
    return Math.toIntExact(tensor.weight().shape().columns());
  }

  /** The part of a stack's importance that belongs to the expert of a row. */
  private float[] ofExpert(float[] all, long row) {
    Weight weight = tensor.weight();
    int expert = Math.toIntExact(row / weight.matrixRows());
    return all.length == columns()
        ? all
        : Arrays.copyOfRange(all, expert * columns(), (expert + 1) * columns());
  }

  /**
   * Large numbers must have survived: what overflowed to infinity would be garbage in any runtime.
   */
  private void checkRange(float[] values, int count, byte[] bytes) {
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
}
