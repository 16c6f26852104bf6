package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.tensor.DType;
import java.util.Arrays;
import java.util.Optional;

/** The types in which MLX keeps what is not quantized, among it scales and biases. */
public enum MlxNumber {
  F32("float32", DType.F32, Formats.F32) {
    @Override
    float round(float x) {
      return x;
    }

    @Override
    void round(float[] x, int at, int count, float[] to) {
      System.arraycopy(x, at, to, 0, count);
    }

    @Override
    void put(byte[] to, int at, float x) {
      LittleEndian.putFloat(to, at, x);
    }

    @Override
    float read(byte[] from, int at) {
      return LittleEndian.readFloat(from, at);
    }
  },
  F16("float16", DType.F16, Formats.F16) {
    @Override
    float round(float x) {
      return Float.float16ToFloat(Float.floatToFloat16(x));
    }

    @Override
    void round(float[] x, int at, int count, float[] to) {
      for (int i = 0; i < count; i++) {
        to[i] = Float.float16ToFloat(Float.floatToFloat16(x[at + i]));
      }
    }

    @Override
    void put(byte[] to, int at, float x) {
      LittleEndian.putHalf(to, at, x);
    }

    @Override
    float read(byte[] from, int at) {
      return LittleEndian.readHalf(from, at);
    }
  },
  BF16("bfloat16", DType.BF16, Formats.BF16) {
    @Override
    float round(float x) {
      return Float.intBitsToFloat(roundedBits(x) & 0xFFFF_0000);
    }

    @Override
    void round(float[] x, int at, int count, float[] to) {
      for (int i = 0; i < count; i++) {
        to[i] = Float.intBitsToFloat(roundedBits(x[at + i]) & 0xFFFF_0000);
      }
    }

    @Override
    void put(byte[] to, int at, float x) {
      LittleEndian.putShort(to, at, (short) (roundedBits(x) >>> 16));
    }

    @Override
    float read(byte[] from, int at) {
      return Float.intBitsToFloat(LittleEndian.readShort(from, at) << 16);
    }
  };

  private final String mlxName;
  private final DType dtype;
  private final GgmlFormat format;

  MlxNumber(String mlxName, DType dtype, GgmlFormat format) {
    this.mlxName = mlxName;
    this.dtype = dtype;
    this.format = format;
  }

  /** The type that MLX and config.json call so. */
  public static Optional<MlxNumber> named(String name) {
    return Arrays.stream(values()).filter(number -> number.mlxName.equals(name)).findFirst();
  }

  /** What MLX calls it: {@code bfloat16}. */
  public String mlxName() {
    return mlxName;
  }

  public DType dtype() {
    return dtype;
  }

  /** The format of unquantized parameters. */
  public Format format() {
    return format;
  }

  /** Whether it can be told from infinity. */
  public boolean holds(float x) {
    return Float.isFinite(round(x));
  }

  abstract float round(float x);

  /** Rounds {@code count} elements, ties to even, into {@code to} from 0. */
  abstract void round(float[] x, int at, int count, float[] to);

  abstract void put(byte[] to, int at, float x);

  abstract float read(byte[] from, int at);

  private static int roundedBits(float x) {
    int bits = Float.floatToRawIntBits(x);
    return bits + 0x7FFF + (bits >>> 16 & 1);
  }
}
