package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.tensor.DType;

/** The floating-point types in which runtimes compute and keep scales. */
public enum FloatType {
  F32(DType.F32, Float.MAX_VALUE) {
    @Override
    public float round(float value) {
      return value;
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putFloat(to, at, value);
    }
  },
  F16(DType.F16, 65504) {
    @Override
    public float round(float value) {
      return Float.float16ToFloat(Float.floatToFloat16(value));
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putHalf(to, at, value);
    }
  },
  BF16(DType.BF16, 0x1.fep127f) {
    @Override
    public float round(float value) {
      return Float.intBitsToFloat(bits(value) << 16);
    }

    @Override
    public void put(byte[] to, int at, float value) {
      LittleEndian.putShort(to, at, bits(value));
    }
  };

  private final DType type;
  private final float largest;

  FloatType(DType type, float largest) {
    this.type = type;
    this.largest = largest;
  }

  /** The nearest value of this type, ties to even; finite values only. */
  public abstract float round(float value);

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
