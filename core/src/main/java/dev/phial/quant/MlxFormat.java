package dev.phial.quant;

import dev.phial.kernel.GroupKernels;
import dev.phial.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A type of MLX: neighbours in a row form a group and share a scale. Files hold the codes, the
 * scales and what else there is in arrays of their own; a block here is one element of each of
 * these {@link #planes}, one after the other. Subclasses reproduce {@code mlx.core.quantize} on a
 * CPU bit for bit; {@link MlxFormats} lists them.
 */
public abstract class MlxFormat implements Format {
  /**
   * One array of a quantized matrix.
   *
   * @param suffix what its name ends in, after that of the layer
   * @param dtype in the file
   * @param bytes of one group
   */
  public record Plane(String suffix, DType dtype, int bytes) {}

  private final String name;
  private final String mode;
  private final int bits;
  private final int groupSize;
  private final MlxNumber number;
  private final List<Plane> planes;
  private final int blockBytes;

  /**
   * @param number type of the unquantized numbers: what is quantized is rounded to it first
   * @param shared the planes beside the codes
   */
  MlxFormat(
      String name, String mode, int bits, int groupSize, MlxNumber number, List<Plane> shared) {
    this.name = name;
    this.mode = mode;
    this.bits = bits;
    this.groupSize = groupSize;
    this.number = number;
    Plane codes = new Plane(".weight", DType.U32, groupSize * bits / 8);
    this.planes =
        java.util.stream.Stream.concat(java.util.stream.Stream.of(codes), shared.stream()).toList();
    this.blockBytes = planes.stream().mapToInt(Plane::bytes).sum();
  }

  /** {@code affine} or the name of a floating-point format, as MLX calls it. */
  public final String mode() {
    return mode;
  }

  public final int bits() {
    return bits;
  }

  /** Codes, scales, and biases where there are some. */
  public final List<Plane> planes() {
    return planes;
  }

  /** Type of the unquantized numbers. */
  final MlxNumber number() {
    return number;
  }

  /**
   * Encodes one group.
   *
   * @param x the group, rounded to {@link #number}; may be changed
   * @param codes receives a code for each element
   * @param at where the planes beside the codes begin
   */
  abstract void encodeGroup(GroupKernels kernels, float[] x, int[] codes, byte[] to, int at);

  /**
   * Decodes one group.
   *
   * @param at where the planes beside the codes begin
   */
  abstract void decodeGroup(int[] codes, byte[] from, int at, float[] to, int toAt);

  @Override
  public final void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    GroupKernels kernels = GroupKernels.best();
    float[] group = new float[groupSize];
    int[] codes = new int[groupSize];
    int groups = rows * columns / groupSize;
    for (int i = 0; i < groups; i++) {
      number.round(x, i * groupSize, groupSize, group);
      int block = at + i * blockBytes;
      encodeGroup(kernels, group, codes, to, block + planes.getFirst().bytes());
      BitStream.pack(codes, bits, to, block);
    }
  }

  @Override
  public final void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    byte[] bytes = new byte[Math.toIntExact(bytes(count))];
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    int[] codes = new int[groupSize];
    for (int i = 0; i < count / groupSize; i++) {
      int block = i * blockBytes;
      BitStream.unpack(bytes, block, bits, codes);
      decodeGroup(codes, bytes, block + planes.getFirst().bytes(), to, at + i * groupSize);
    }
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final int blockSize() {
    return groupSize;
  }

  @Override
  public final int blockBytes() {
    return blockBytes;
  }

  @Override
  public final String toString() {
    return name;
  }
}
