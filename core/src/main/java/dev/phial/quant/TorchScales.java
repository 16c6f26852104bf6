package dev.phial.quant;

import dev.phial.quant.method.CompressedTensorsInt;

/**
 * As llm-compressor chooses the scales of small floating-point numbers ({@code calculate_qparams},
 * {@code generate_mx_scales}), in the type of the checkpoint.
 */
public sealed interface TorchScales extends FloatScales {
  /** The type of the checkpoint, in which every step is rounded. */
  FloatType number();

  /** Of rows of E4M3: the largest magnitude becomes the largest number, 448. */
  record Rows(FloatType number) implements TorchScales {
    private static final float LARGEST = 448;

    @Override
    public String label() {
      return "FP8";
    }

    @Override
    public GroupFloat.Values numbers() {
      return GroupFloat.Values.E4M3;
    }

    @Override
    public ScaleType type() {
      return ScaleType.of(number);
    }

    @Override
    public float choose(float magnitude) {
      float scale = number.round(magnitude / LARGEST);
      return scale == 0 ? CompressedTensorsInt.smallest(number) : scale;
    }

    @Override
    public int droppedBits() {
      return number.droppedBits();
    }
  }

  /**
   * Of groups of 32: the power of two of the largest magnitude, or the next one from 1.75 times it
   * on, less the exponent of the largest number.
   *
   * @param bits of a number, 4 (E2M1) or 8 (E4M3)
   */
  record Powers(FloatType number, int bits) implements TorchScales {
    /** What is added to the mantissa before it is cut off, in bits of a single. */
    private static final int CARRY = 1 << 21;

    private static final int BIAS = 127;

    @Override
    public String label() {
      return "MXFP" + bits;
    }

    @Override
    public GroupFloat.Values numbers() {
      return bits == 4 ? GroupFloat.Values.E2M1 : GroupFloat.Values.E4M3;
    }

    @Override
    public ScaleType type() {
      return ScaleType.E8M0;
    }

    @Override
    public float choose(float magnitude) {
      int exponent = exponent(magnitude);
      int largest = bits == 4 ? 2 : 8;
      return Math.scalb(1f, Math.clamp(exponent - largest, -BIAS, BIAS));
    }

    /** Of the rounded magnitude; the least there is for zero and subnormal numbers. */
    private int exponent(float magnitude) {
      if (number == FloatType.F16) {
        int field = Float.floatToFloat16(magnitude) + (1 << 8) >> 10;
        return field == 0 ? -BIAS : field - 15;
      }
      return (Float.floatToRawIntBits(magnitude) + CARRY >> 23) - BIAS;
    }
  }
}
