package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.tensor.DType;
import java.util.Arrays;
import java.util.Optional;

/** The floating-point types in which runtimes compute and keep scales. */
public enum FloatType {
  F32("float32", DType.F32, Float.MAX_VALUE) {
    @Override
    public float round(float value) {
      return value;
    }

    @Override
    void round(float[] values, int at, int count, float[] to) {
      System.arraycopy(values, at, to, 0, count);
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putFloat(to, at, value);
    }
  },
  F16("float16", DType.F16, 65504) {
    @Override
    public float round(float value) {
      return Float.float16ToFloat(Float.floatToFloat16(value));
    }

    @Override
    void round(float[] values, int at, int count, float[] to) {
      for (int i = 0; i < count; i++) {
        to[i] = Float.float16ToFloat(Float.floatToFloat16(values[at + i]));
      }
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putHalf(to, at, value);
    }
  },
  BF16("bfloat16", DType.BF16, 0x1.fep127f) {
    @Override
    public float round(float value) {
      return Float.intBitsToFloat(bits(value) << 16);
    }

    @Override
    void round(float[] values, int at, int count, float[] to) {
      for (int i = 0; i < count; i++) {
        int bits = Float.floatToRawIntBits(values[at + i]);
        to[i] = Float.intBitsToFloat(bits + 0x7FFF + (bits >>> 16 & 1) & 0xFFFF_0000);
      }
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putShort(to, at, bits(value));
    }
  };

  private final String word;
  private final DType type;
  private final float largest;

  FloatType(String word, DType type, float largest) {
    this.word = word;
    this.type = type;
    this.largest = largest;
  }

  /** The type that config.json calls so, {@code bfloat16}. */
  public static Optional<FloatType> named(String word) {
    return Arrays.stream(values()).filter(type -> type.word.equals(word)).findFirst();
  }

  /** What config.json and the frameworks call it. */
  public String word() {
    return word;
  }

  /** The nearest value of this type, ties to even; finite values only. */
  public abstract float round(float value);

  /** The same of {@code count} values from {@code at}, into {@code to} from 0. */
  abstract void round(float[] values, int at, int count, float[] to);

  /** Writes the nearest value of this type. */
  public abstract void put(byte[] to, int at, float value);

  public DType type() {
    return type;
  }

  public int bytes() {
    return type.blockBytes();
  }

  /** The largest finite value. */
  public float largest() {
    return largest;
  }

  private static short bits(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) (bits + 0x7FFF + (bits >> 16 & 1) >> 16);
  }
}
