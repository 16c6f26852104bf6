package dev.phial.quant;

import dev.phial.quant.method.Nncf;

/** As OpenVINO's compressor NNCF chooses scales: {@code do_float_quantization}. */
public enum NncfScales implements FloatScales {
  /** Of bitsandbytes' numbers: the largest magnitude, in half precision. */
  NF4(GroupFloat.Values.NF4) {
    @Override
    public ScaleType type() {
      return ScaleType.F16;
    }

    @Override
    public float choose(float magnitude) {
      return Math.max(magnitude, Nncf.SMALLEST_SCALE);
    }
  },
  /** Of E2M1. */
  MXFP4(GroupFloat.Values.E2M1) {
    @Override
    public float choose(float magnitude) {
      return power(magnitude, 6);
    }
  },
  /** Of E4M3; OpenVINO rounds quotients to half precision first. */
  MXFP8(GroupFloat.Values.E4M3) {
    @Override
    public float choose(float magnitude) {
      return power(magnitude, 448);
    }

    @Override
    public int droppedBits() {
      return FloatType.F16.droppedBits();
    }
  };

  private final GroupFloat.Values numbers;

  NncfScales(GroupFloat.Values numbers) {
    this.numbers = numbers;
  }

  @Override
  public GroupFloat.Values numbers() {
    return numbers;
  }

  @Override
  public String label() {
    return name();
  }

  /** Powers of two, unless said otherwise. */
  @Override
  public ScaleType type() {
    return ScaleType.E8M0;
  }

  /**
   * The power of two that brings a magnitude below the largest number. It is what OpenVINO computes
   * in single precision, {@code ceil(log(x) / log(2))}: for some powers of two the next one.
   */
  private static float power(float magnitude, float largest) {
    float least = Math.max(magnitude, Nncf.SMALLEST_SCALE) / largest;
    int power = (int) Math.ceil((float) Math.log(least) / (float) Math.log(2));
    return Math.scalb(1f, Math.clamp(power, -127, 127));
  }
}
