package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.quant.method.GroupCodes;
import dev.phial.quant.method.GroupMethod;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Integers of 4 or 8 bits in groups along a row, {@code (code - zero) · scale}: what MatMulNBits,
 * GatherBlockQuantized and QMoE of ONNX Runtime hold. They keep codes, scales and zero points
 * apart, see {@link #quantize}; as one array a block is scale, zero point in one byte if there is
 * one, codes, the even one of two nibbles below.
 */
public final class GroupInt implements Format {
  private final int bits;
  private final int size;
  private final FloatType scaleType;
  private final GroupMethod method;

  /**
   * @param bits 4 or 8
   * @param size elements of a group, an even number
   */
  public GroupInt(int bits, int size, FloatType scaleType, GroupMethod method) {
    this.bits = bits;
    this.size = size;
    this.scaleType = scaleType;
    this.method = method;
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
    return codeOffset() + size * bits / 8;
  }

  private int codeOffset() {
    return scaleType.bytes() + (hasZeros() ? 1 : 0);
  }

  /** Codes, scales and zero points of {@code groups} groups from {@code x[from]}. */
  public GroupCodes quantize(float[] x, int from, int groups) {
    GroupCodes result = new GroupCodes(groups, size);
    method.quantize(x, from, groups, size, result);
    return result;
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    int groups = rows * columns / size;
    GroupCodes quantized = quantize(x, 0, groups);
    for (int group = 0; group < groups; group++) {
      int block = at + group * blockBytes();
      scaleType.put(to, block, quantized.scales()[group]);
      if (hasZeros()) {
        to[block + scaleType.bytes()] = quantized.zeros()[group];
      }
      pack(quantized.codes(), group * size, size, bits, to, block + codeOffset());
    }
  }

  /** Packs {@code count} codes, the even one of two nibbles below. */
  public static void pack(byte[] codes, int from, int count, int bits, byte[] to, int at) {
    if (bits == 8) {
      System.arraycopy(codes, from, to, at, count);
      return;
    }
    for (int i = 0; i < count; i += 2) {
      to[at + i / 2] = (byte) (codes[from + i] | codes[from + i + 1] << 4);
    }
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    byte[] bytes = new byte[Math.toIntExact(bytes(count))];
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    for (int i = 0; i < count; i++) {
      int block = i / size * blockBytes();
      float scale =
          switch (scaleType) {
            case F32 -> LittleEndian.readFloat(bytes, block);
            case F16 -> LittleEndian.readHalf(bytes, block);
            case BF16 -> Float.intBitsToFloat(LittleEndian.readShort(bytes, block) << 16);
          };
      int zero = hasZeros() ? bytes[block + scaleType.bytes()] & 0xFF : 1 << bits - 1;
      int in = i % size;
      int code = bytes[block + codeOffset() + in * bits / 8] & 0xFF;
      if (bits == 4) {
        code = in % 2 == 0 ? code & 0xF : code >> 4;
      }
      to[at + i] = (code - zero) * scale;
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
