package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import java.util.Arrays;
import java.util.Optional;

/** The floating-point types in which runtimes compute and keep scales. */
public enum FloatType {
  F32("float32", DType.F32, Float.PRECISION, Float.MAX_VALUE) {
    @Override
    public float round(float value) {
      return value;
    }

    @Override
    boolean holds(float[] values, int count) {
      return true;
    }

    @Override
    void round(float[] values, int count, float[] to) {
      System.arraycopy(values, 0, to, 0, count);
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putFloat(to, at, value);
    }
  },
  F16("float16", DType.F16, 11, 65504) {
    @Override
    public float round(float value) {
      return Float.float16ToFloat(Float.floatToFloat16(value));
    }

    @Override
    boolean holds(float[] values, int count) {
      return false; // finding out takes as long as rounding
    }

    @Override
    void round(float[] values, int count, float[] to) {
      for (int i = 0; i < count; i++) {
        to[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
      }
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putHalf(to, at, value);
    }
  },
  BF16("bfloat16", DType.BF16, 8, 0x1.fep127f) {
    @Override
    public float round(float value) {
      return Float.intBitsToFloat(bits(value) << 16);
    }

    @Override
    boolean holds(float[] values, int count) {
      int lower = 0;
      for (int i = 0; i < count; i++) {
        lower |= Float.floatToRawIntBits(values[i]);
      }
      return (lower & 0xFFFF) == 0;
    }

    @Override
    void round(float[] values, int count, float[] to) {
      for (int i = 0; i < count; i++) {
        int bits = Float.floatToRawIntBits(values[i]);
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
  private final int precision; // bits of the significand, the hidden one among them
  private final float largest;

  FloatType(String word, DType type, int precision, float largest) {
    this.word = word;
    this.type = type;
    this.precision = precision;
    this.largest = largest;
  }

  /** The type in which to keep numbers of an encoding: its own, or else the usual one. */
  public static FloatType nearest(Encoding encoding) {
    return encoding == DType.F32 ? F32 : encoding == DType.F16 ? F16 : BF16;
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

  /** Whether {@code count} values are known to be of this type. */
  abstract boolean holds(float[] values, int count);

  abstract void round(float[] values, int count, float[] to);

  /** {@link #round} of {@code count} values; the same array if there is nothing to round. */
  final float[] rounded(float[] values, int count) {
    if (holds(values, count)) {
      return values;
    }
    float[] to = new float[count];
    round(values, count, to);
    return to;
  }

  /** Bits of a single's mantissa that this type does not have. */
  int droppedBits() {
    return Float.PRECISION - precision;
  }

  /** Writes the nearest value of this type. */
  public abstract void put(byte[] to, int at, float value);

  /** Reads a value of this type. */
  public float get(byte[] from, int at) {
    return switch (this) {
      case F32 -> LittleEndian.readFloat(from, at);
      case F16 -> LittleEndian.readHalf(from, at);
      case BF16 -> Float.intBitsToFloat(LittleEndian.readShort(from, at) << 16);
    };
  }

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
