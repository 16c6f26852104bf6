package dev.phial.quant;

import dev.phial.kernel.SmallFloats;
import dev.phial.tensor.DType;

/** What scales, and offsets that are numbers, are stored in. */
public enum ScaleType {
  F32(4) {
    @Override
    public float round(float value) {
      return value;
    }
  },
  F16(2) {
    @Override
    public float round(float value) {
      return Math.clamp(FloatType.F16.round(value), -65504f, 65504f);
    }
  },
  BF16(2) {
    @Override
    public float round(float value) {
      return FloatType.BF16.round(value);
    }
  },
  /** Numbers that are both F16 and BF16: the former for storage, the latter for arithmetic. */
  BF16_IN_F16(2) {
    @Override
    public float round(float value) {
      float rounded = FloatType.F16.round(FloatType.BF16.round(value));
      return Math.clamp(rounded, -0x1.fep15f, 0x1.fep15f);
    }

    @Override
    void put(byte[] to, int at, float scale) {
      F16.put(to, at, scale);
    }

    @Override
    float get(byte[] from, int at) {
      return F16.get(from, at);
    }
  },
  /** Powers of two; no sign and no zero. */
  E8M0(1) {
    @Override
    public float round(float value) {
      float magnitude = Math.max(Math.abs(value), 0x1p-126f);
      int exponent = Math.getExponent(magnitude);
      boolean isUpper = magnitude > 0x1.8p0f * Math.scalb(1f, exponent);
      return Math.scalb(1f, Math.min(126, isUpper ? exponent + 1 : exponent));
    }

    @Override
    void put(byte[] to, int at, float scale) {
      to[at] = (byte) (Math.getExponent(scale) + 127);
    }

    @Override
    float get(byte[] from, int at) {
      return Math.scalb(1f, (from[at] & 0xFF) - 127);
    }
  },
  /** Without a sign here: scales that are small floating-point numbers themselves. */
  E4M3(1) {
    @Override
    public float round(float value) {
      return DType.e4m3(SmallFloats.e4m3(Math.min(Math.abs(value), 448f)));
    }

    @Override
    void put(byte[] to, int at, float scale) {
      to[at] = (byte) SmallFloats.e4m3(scale);
    }

    @Override
    float get(byte[] from, int at) {
      return DType.e4m3(from[at] & 0xFF);
    }
  };

  private final int bytes;

  ScaleType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of a scale. */
  int bytes() {
    return bytes;
  }

  /** Writes a scale, which is rounded to this type. */
  void put(byte[] to, int at, float scale) {
    FloatType.valueOf(name()).put(to, at, scale);
  }

  /** Reads a scale. */
  float get(byte[] from, int at) {
    return FloatType.valueOf(name()).get(from, at);
  }

  /** The nearest value there is; of numbers that are too large, the largest. */
  public abstract float round(float value);

  /** Whether a scale may be negative. */
  public boolean isSigned() {
    return this != E8M0 && this != E4M3;
  }

  /** Of all numbers of a type. */
  public static ScaleType of(FloatType type) {
    return valueOf(type.name());
  }
}
