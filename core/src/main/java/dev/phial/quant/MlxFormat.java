package dev.phial.quant;

import dev.phial.kernel.CodeKernel;
import dev.phial.kernel.GroupKernels;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.IntRange;
import dev.phial.tensor.IntegerBlocks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A type of MLX: neighbours in a row form a group and share a scale. Files hold the codes, the
 * scales and what else there is in arrays of their own; a block here is one element of each of
 * these {@link #planes}, one after the other. Subclasses reproduce {@code mlx.core.quantize} on a
 * CPU bit for bit; {@link MlxFormats} lists them.
 */
public abstract class MlxFormat implements GridFormat {
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
  private final FloatType number;
  private final List<Plane> planes;
  private final int blockBytes;

  /**
   * @param number type of the unquantized numbers: what is quantized is rounded to it first
   * @param shared the planes beside the codes
   */
  MlxFormat(
      String name, String mode, int bits, int groupSize, FloatType number, List<Plane> shared) {
    this.name = name;
    this.mode = mode;
    this.bits = bits;
    this.groupSize = groupSize;
    this.number = number;
    Plane codes = new Plane(".weight", DType.U32, groupSize * bits / 8);
    this.planes = Stream.concat(Stream.of(codes), shared.stream()).toList();
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

  /** Type of the unquantized numbers, and of scales and biases of affine types. */
  final FloatType number() {
    return number;
  }

  /**
   * Encodes one group.
   *
   * @param x of numbers that are rounded to {@link #number}
   * @param from where the group begins
   * @param codes receives a code for each element
   * @param at where the planes beside the codes begin
   */
  abstract void encodeGroup(
      GroupKernels kernels, float[] x, int from, byte[] codes, byte[] to, int at);

  /** What a code stands for before it is scaled. */
  abstract float value(int code);

  /** What a scale is encoded in; the file may know no better name for it than bytes. */
  public abstract DType scaleType();

  /** Of small floating-point numbers. */
  final Grid grid(ScaleType type) {
    float[] table = new float[1 << bits];
    for (int i = 0; i < table.length; i++) {
      table[i] = value(i);
    }
    return Grid.of(groupSize, Points.table(table), Grid.Offset.NONE, type);
  }

  @Override
  public final void lay(GridBlock block, byte[] to, int at) {
    byte[] codes = new byte[groupSize + GroupKernels.ROOM];
    for (int i = 0; i < groupSize; i++) {
      codes[i] = (byte) block.codes[i];
    }
    BitStream.pack(codes, groupSize, bits, to, at);
    layShared(block, to, at + planes.getFirst().bytes());
  }

  /** Writes what a group shares: scale, and offset if there is one. */
  abstract void layShared(GridBlock block, byte[] to, int at);

  private boolean hasBiases() {
    return planes.size() > 2;
  }

  /** The codes alone, unscaled, under the name of this type. */
  public final Encoding codes() {
    return new Codes(this);
  }

  private record Codes(MlxFormat format) implements Encoding {
    @Override
    public Optional<CodeKernel> codeKernel() {
      return format instanceof IntegerBlocks ? CodeKernel.of(format.bits, false) : Optional.empty();
    }

    @Override
    public Optional<IntRange> integers() {
      return format instanceof IntegerBlocks integers
          ? Optional.of(new IntRange(integers.coding().least(), integers.coding().most()))
          : Optional.empty();
    }

    @Override
    public String name() {
      return format.name;
    }

    @Override
    public int blockSize() {
      return format.groupSize;
    }

    @Override
    public int blockBytes() {
      return format.planes.getFirst().bytes();
    }

    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      byte[] bytes = new byte[Math.toIntExact(bytes(count))];
      MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
      Optional<CodeKernel> kernel = codeKernel();
      if (kernel.isPresent()) {
        kernel.get().decode(bytes, 0, count, 0, to, at);
        return;
      }
      byte[] codes = new byte[count];
      BitStream.unpack(bytes, 0, format.bits, codes);
      for (int i = 0; i < count; i++) {
        to[at + i] = format.value(codes[i] & 0xFF);
      }
    }
  }

  @Override
  public final void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    GroupKernels kernels = GroupKernels.best();
    float[] rounded = number.rounded(x, rows * columns);
    byte[] codes = new byte[groupSize + GroupKernels.ROOM];
    int groups = rows * columns / groupSize;
    int codeBytes = planes.getFirst().bytes();
    for (int i = 0; i < groups; i++) {
      int block = at + i * blockBytes;
      encodeGroup(kernels, rounded, i * groupSize, codes, to, block + codeBytes);
      BitStream.pack(codes, groupSize, bits, to, block);
    }
  }

  @Override
  public final void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    Encoding codes = codes();
    float[] scale = new float[1];
    float[] bias = new float[1];
    for (int i = 0; i < count / groupSize; i++) {
      long block = offset + (long) i * blockBytes;
      int start = at + i * groupSize;
      codes.decode(from, block, to, start, groupSize);
      scaleType().decode(from, block + codes.blockBytes(), scale, 0, 1);
      if (hasBiases()) {
        long biasAt = block + codes.blockBytes() + scaleType().blockBytes();
        scaleType().decode(from, biasAt, bias, 0, 1);
      }
      for (int k = start; k < start + groupSize; k++) {
        to[k] = to[k] * scale[0] + bias[0];
      }
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
