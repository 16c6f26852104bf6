package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.quant.method.GroupCodes;
import dev.phial.quant.method.GroupMethod;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.IntegerBlocks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Integers of 4 or 8 bits in groups along a row, {@code (code - zero) · scale}: what MatMulNBits,
 * GatherBlockQuantized and QMoE of ONNX Runtime hold, and OpenVINO's u4, i4, u8 and i8. A block is
 * scale, zero point in one byte if there is one, codes, the even one of two nibbles below; files
 * hold the three apart.
 */
public final class GroupInt implements GridFormat, IntegerBlocks {
  private final int bits;
  private final int size;
  private final FloatType scaleType;
  private final GroupMethod method;
  private final FloatType input;
  private final Grid grid;

  /**
   * @param bits 4 or 8
   * @param size elements of a group, an even number
   * @param input what the reference holds the numbers in before it quantizes them
   */
  public GroupInt(int bits, int size, FloatType scaleType, GroupMethod method, FloatType input) {
    this.bits = bits;
    this.size = size;
    this.scaleType = scaleType;
    this.method = method;
    this.input = input;
    this.grid = grid(bits, size, scaleType, method);
  }

  private static Grid grid(int bits, int size, FloatType scaleType, GroupMethod method) {
    int middle = 1 << bits - 1;
    if (method.hasZeros()) {
      Points points = Points.integers(0, 2 * middle - 1);
      return Grid.of(size, points, Grid.Offset.ZERO_POINT, method.scales(scaleType));
    }
    Points points = Points.integers(method.least(bits), middle - 1);
    Grid grid = Grid.of(size, points, Grid.Offset.NONE, method.scales(scaleType));
    return method.hasPositiveScales() ? grid.unsigned(method.pairLimit()) : grid;
  }

  /** Of numbers that are quantized as they come. */
  public GroupInt(int bits, int size, FloatType scaleType, GroupMethod method) {
    this(bits, size, scaleType, method, FloatType.F32);
  }

  public int bits() {
    return bits;
  }

  public boolean hasZeros() {
    return method.hasZeros();
  }

  public FloatType scaleType() {
    return scaleType;
  }

  /** {@code INT4G32}, or {@code UINT4G32} where groups have zero points. */
  @Override
  public String name() {
    return (hasZeros() ? "UINT" : "INT") + bits + "G" + size;
  }

  @Override
  public int blockSize() {
    return size;
  }

  @Override
  public int blockBytes() {
    return codeOffset() + codeBytes();
  }

  /** In files zero points have the bits of codes. */
  @Override
  public long storedBytes(long elements) {
    long groups = elements / size;
    return bytes(elements) - (hasZeros() ? groups - groups * bits / Byte.SIZE : 0);
  }

  /** Where the zero point of a block lies, if there is one; the scale comes first. */
  public int zeroOffset() {
    return scaleType.bytes();
  }

  /** Where the codes of a block begin. */
  public int codeOffset() {
    return scaleType.bytes() + (hasZeros() ? 1 : 0);
  }

  /** Bytes of the codes of a block. */
  public int codeBytes() {
    return size * bits / Byte.SIZE;
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    int groups = rows * columns / size;
    GroupCodes quantized = new GroupCodes(groups, size);
    method.quantize(input.rounded(x, rows * columns), 0, groups, size, quantized);
    byte[] packed = packed(quantized.codes(), bits); // in one go, which compilers like better
    for (int group = 0; group < groups; group++) {
      int block = at + group * blockBytes();
      scaleType.put(to, block, quantized.scales()[group]);
      if (hasZeros()) {
        to[block + zeroOffset()] = quantized.zeros()[group];
      }
    }
    LittleEndian.copyParts(
        packed, 0, codeBytes(), to, at + codeOffset(), blockBytes(), codeBytes(), groups);
  }

  /** Codes as they lie in blocks, the even one of two nibbles below. */
  static byte[] packed(byte[] codes, int bits) {
    if (bits == Byte.SIZE) {
      return codes;
    }
    byte[] packed = new byte[codes.length / 2];
    pack(codes, 0, codes.length, bits, packed, 0);
    return packed;
  }

  /**
   * One of the codes of a block.
   *
   * @param block where it begins
   */
  public byte code(byte[] blocks, int block, int i) {
    int at = block + codeOffset();
    if (bits == 8) {
      return blocks[at + i];
    }
    int pair = blocks[at + i / 2];
    return (byte) (i % 2 == 0 ? pair & 0xF : pair >> 4 & 0xF);
  }

  /** Packs {@code count} codes, the even one of two nibbles below. */
  public static void pack(byte[] codes, int from, int count, int bits, byte[] to, int at) {
    if (bits == 8) {
      System.arraycopy(codes, from, to, at, count);
      return;
    }
    LittleEndian.packNibbles(codes, from, count, to, at);
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    byte[] bytes = new byte[Math.toIntExact(bytes(count))];
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    for (int group = 0; group < count / size; group++) {
      int block = group * blockBytes();
      float scale = scaleType.get(bytes, block);
      int zero = zero(bytes, block);
      int codes = block + codeOffset();
      int start = at + group * size;
      if (bits == 8) {
        for (int i = 0; i < size; i++) {
          to[start + i] = ((bytes[codes + i] & 0xFF) - zero) * scale;
        }
      } else {
        for (int i = 0; i < size; i += 2) {
          int pair = bytes[codes + i / 2];
          to[start + i] = ((pair & 0xF) - zero) * scale;
          to[start + i + 1] = ((pair >> 4 & 0xF) - zero) * scale;
        }
      }
    }
  }

  private int zero(byte[] bytes, int block) {
    return hasZeros() ? bytes[block + zeroOffset()] & 0xFF : 1 << bits - 1;
  }

  @Override
  public Coding coding() {
    int middle = 1 << bits - 1;
    return hasZeros()
        ? new Coding(size, 0, 2 * middle - 1, Coding.Offset.ZERO_POINT)
        : new Coding(size, -middle, middle - 1, Coding.Offset.NONE);
  }

  @Override
  public void takeApart(byte[] from, int at, CodedRows to, int group) {
    float scale = scaleType.get(from, at);
    int least = coding().least();
    to.scales()[group] = scale;
    to.offsets()[group] = hasZeros() ? 0 - (double) scale * zero(from, at) : 0;
    for (int i = 0; i < size; i++) {
      to.codes()[group * size + i] = (short) ((code(from, at, i) & 0xFF) + least);
    }
  }

  @Override
  public Grid grid() {
    return grid;
  }

  @Override
  public boolean takes(float scale) {
    return method.takes(scale);
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    scaleType.put(to, at, block.scale);
    if (hasZeros()) {
      to[at + zeroOffset()] = (byte) block.minima[0];
    }
    int codes = at + codeOffset();
    if (bits == Byte.SIZE) {
      int shift = hasZeros() ? 0 : (1 << bits - 1) + method.least(bits);
      for (int i = 0; i < size; i++) {
        to[codes + i] = (byte) (block.codes[i] + shift);
      }
    } else {
      for (int i = 0; i < size; i += 2) {
        to[codes + i / 2] = (byte) (block.codes[i] | block.codes[i + 1] << 4);
      }
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
