package dev.phial.tensor;

import dev.phial.kernel.BlockKernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

/** The plain number types a checkpoint may hold; the names are those of safetensors. */
public enum DType implements Encoding {
  F64(8) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = (float) from.get(DOUBLE, offset + 8L * i);
      }
    }
  },
  F32(4) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      MemorySegment.copy(from, FLOAT, offset, to, at, count);
    }

    @Override
    public Optional<BlockKernel> kernel() {
      return Kernels.F32;
    }
  },
  F16(2) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      short[] bits = new short[Math.min(count, CHUNK)];
      for (int done = 0; done < count; done += CHUNK) {
        int n = Math.min(count - done, CHUNK);
        MemorySegment.copy(from, SHORT, offset + 2L * done, bits, 0, n);
        for (int i = 0; i < n; i++) {
          to[at + done + i] = Float.float16ToFloat(bits[i]);
        }
      }
    }

    @Override
    public Optional<BlockKernel> kernel() {
      return Kernels.F16;
    }
  },
  BF16(2) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      byte[] bytes = new byte[2 * Math.min(count, CHUNK)];
      for (int done = 0; done < count; done += CHUNK) {
        int n = Math.min(count - done, CHUNK);
        MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset + 2L * done, bytes, 0, 2 * n);
        decode(bytes, to, at + done, n);
      }
    }

    private static void decode(byte[] bytes, float[] to, int at, int count) {
      if (Kernels.BF16.isPresent()) {
        Kernels.BF16.get().decode(bytes, 0, to, at, count);
        return;
      }
      MemorySegment segment = MemorySegment.ofArray(bytes);
      for (int i = 0; i < count; i++) {
        to[at + i] = Float.intBitsToFloat(segment.get(SHORT, 2L * i) << 16);
      }
    }

    @Override
    public Optional<BlockKernel> kernel() {
      return Kernels.BF16;
    }
  },
  /**
   * Four exponent and three mantissa bits, no infinity; 0x7F and 0xFF are NaN (the OCP FP8
   * specification).
   */
  F8_E4M3(1) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = E4M3[from.get(ValueLayout.JAVA_BYTE, offset + i) & 0xFF];
      }
    }
  },
  /** Five exponent and two mantissa bits: the upper byte of a half float. */
  F8_E5M2(1) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] =
            Float.float16ToFloat((short) (from.get(ValueLayout.JAVA_BYTE, offset + i) << 8));
      }
    }
  },
  /** A power of two, the scale of a group; 0xFF is NaN (the OCP specification of MX formats). */
  F8_E8M0(1) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        int exponent = from.get(ValueLayout.JAVA_BYTE, offset + i) & 0xFF;
        to[at + i] = exponent == 0xFF ? Float.NaN : Math.scalb(1f, exponent - 127);
      }
    }
  },
  I64(8) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = from.get(LONG, offset + 8L * i);
      }
    }
  },
  I32(4) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = from.get(INT, offset + 4L * i);
      }
    }
  },
  I16(2) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = from.get(SHORT, offset + 2L * i);
      }
    }
  },
  I8(1) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = from.get(ValueLayout.JAVA_BYTE, offset + i);
      }
    }
  },
  U64(8) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        long value = from.get(LONG, offset + 8L * i);
        to[at + i] = value >= 0 ? value : (float) ((value >>> 1 | value & 1) * 2.0);
      }
    }
  },
  U32(4) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = Integer.toUnsignedLong(from.get(INT, offset + 4L * i));
      }
    }
  },
  U16(2) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = Short.toUnsignedInt(from.get(SHORT, offset + 2L * i));
      }
    }
  },
  U8(1) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = from.get(ValueLayout.JAVA_BYTE, offset + i) & 0xFF;
      }
    }
  },
  BOOL(1) {
    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int i = 0; i < count; i++) {
        to[at + i] = from.get(ValueLayout.JAVA_BYTE, offset + i) == 0 ? 0 : 1;
      }
    }
  };

  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Numbers copied out of the file at a time; they stay in the first-level cache. */
  private static final int CHUNK = 4096;

  private static final float[] E4M3 = e4m3();

  /** Apart, so that nobody looks for them who does not need them. */
  private static final class Kernels {
    static final Optional<BlockKernel> F32 = BlockKernel.f32();
    static final Optional<BlockKernel> F16 = BlockKernel.f16();
    static final Optional<BlockKernel> BF16 = BlockKernel.bf16();
  }

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  @Override
  public int blockSize() {
    return 1;
  }

  @Override
  public int blockBytes() {
    return bytes;
  }

  /** The number that a byte stands for in {@link #F8_E4M3}. */
  public static float e4m3(int code) {
    return E4M3[code];
  }

  private static float[] e4m3() {
    float[] values = new float[256];
    for (int code = 0; code < 256; code++) {
      int exponent = code >> 3 & 0xF;
      int mantissa = code & 7;
      float magnitude =
          exponent == 0 ? mantissa * 0x1p-9f : (8 + mantissa) * Math.scalb(1f, exponent - 10);
      if ((code & 0x7F) == 0x7F) {
        magnitude = Float.NaN;
      }
      values[code] = code < 128 ? magnitude : -magnitude;
    }
    return values;
  }
}
