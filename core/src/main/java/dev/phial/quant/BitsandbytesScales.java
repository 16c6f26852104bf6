package dev.phial.quant;

/**
 * As bitsandbytes chooses scales of nf4 on a CPU ({@code quantize_4bit}): the largest magnitude.
 */
public enum BitsandbytesScales implements FloatScales {
  NF4;

  @Override
  public String label() {
    return name();
  }

  @Override
  public GroupFloat.Values numbers() {
    return GroupFloat.Values.NF4;
  }

  @Override
  public ScaleType type() {
    return ScaleType.F32;
  }

  @Override
  public float choose(float magnitude) {
    return magnitude;
  }

  @Override
  public boolean multiplies() {
    return true;
  }
}
