package dev.phial.quant;

import dev.phial.kernel.GroupKernels;
import dev.phial.kernel.SmallFloats;
import dev.phial.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * {@code nvfp4}: 16 numbers of four bits (E2M1) share a scale of eight (E4M3), and all of a matrix
 * one number that divides the scales, as llm-compressor chooses them ({@code generate_gparam},
 * {@code calculate_qparams}). A block is scale and codes, the even one of two nibbles below.
 *
 * @param number type of the checkpoint
 * @param divisor of the matrix, asked for when it is needed: it follows from all of its numbers
 */
public record Nvfp4(FloatType number, DoubleSupplier divisor) implements Format {
  private static final int SIZE = 16;
  private static final int CODE_BYTES = SIZE / 2;
  private static final float LARGEST = 6;

  /** In place of a scale of zero. */
  private static final float SMALLEST = 0.125f;

  @Override
  public String name() {
    return "NVFP4";
  }

  @Override
  public int blockSize() {
    return SIZE;
  }

  @Override
  public int blockBytes() {
    return 1 + CODE_BYTES;
  }

  /** The divisor of matrices whose largest magnitude this is: the largest scale becomes 448. */
  public static float divisor(float magnitude, FloatType number) {
    float inverse = number.round(1 / Math.max(magnitude, Float.MIN_NORMAL)); // of zeros, any
    return Math.min(number.round(448 * LARGEST * inverse), number.largest());
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    GroupKernels kernels = GroupKernels.best();
    float global = (float) divisor.getAsDouble();
    float[] range = new float[2];
    byte[] codes = new byte[SIZE + GroupKernels.ROOM];
    for (int group = 0; group < rows * columns / SIZE; group++) {
      int start = group * SIZE;
      int block = at + group * blockBytes();
      kernels.range(x, start, SIZE, range);
      float exact = number.round(Math.max(-range[0], range[1]) / LARGEST);
      int scale = SmallFloats.e4m3(Math.min(global * exact, 448));
      if (DType.e4m3(scale) == 0) {
        scale = SmallFloats.e4m3(SMALLEST);
      }
      to[block] = (byte) scale;
      GroupFloat.Values.E2M1.encode(kernels, x, start, SIZE, DType.e4m3(scale) / global, 0, codes);
      GroupInt.pack(codes, 0, SIZE, 4, to, block + 1);
    }
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    float global = (float) divisor.getAsDouble();
    for (int i = 0; i < count; i++) {
      long block = offset + (long) i / SIZE * blockBytes();
      int pair = from.get(ValueLayout.JAVA_BYTE, block + 1 + i % SIZE / 2) & 0xFF;
      float scale = DType.e4m3(from.get(ValueLayout.JAVA_BYTE, block) & 0xFF) / global;
      to[at + i] = GroupFloat.Values.E2M1.value(i % 2 == 0 ? pair & 0xF : pair >> 4) * scale;
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
