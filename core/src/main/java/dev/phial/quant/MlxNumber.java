package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.tensor.DType;
import java.util.Arrays;
import java.util.Optional;

/** The types in which MLX keeps what is not quantized, among it scales and biases. */
public enum MlxNumber {
  F32("float32", DType.F32, Formats.F32, Float.MAX_VALUE) {
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
  F16("float16", DType.F16, Formats.F16, 65504) {
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
  BF16("bfloat16", DType.BF16, Formats.BF16, 0x1.FEp127f) {
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
  private final float largest;

  MlxNumber(String mlxName, DType dtype, GgmlFormat format, float largest) {
    this.mlxName = mlxName;
    this.dtype = dtype;
    this.format = format;
    this.largest = largest;
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

  /** The largest finite number. */
  public float largest() {
    return largest;
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
