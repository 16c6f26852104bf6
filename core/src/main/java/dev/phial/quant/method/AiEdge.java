package dev.phial.quant.method;

import dev.phial.quant.FloatType;
import dev.phial.quant.ScaleType;

/**
 * How Google's ai-edge-quantizer rounds weights for LiteRT, symmetrically and with positive scales:
 * the largest magnitude becomes the largest code ({@code uniform_quantize}).
 *
 * @param blocks whether rows have several scales, which LiteRT keeps in half precision and whose
 *     kernels look at the bits of bfloat16 alone
 * @param leastScale of a block of zeros; XNNPACK refuses a whole model for a zero in a product
 */
public record AiEdge(int bits, boolean blocks, float leastScale) implements GroupMethod {
  private static final float LEAST_BOUND = 1e-9f;

  @Override
  public boolean hasZeros() {
    return false;
  }

  @Override
  public boolean hasPositiveScales() {
    return true;
  }

  @Override
  public ScaleType scales(FloatType stored) {
    return blocks ? ScaleType.BF16_IN_F16 : ScaleType.of(stored);
  }

  @Override
  public boolean takes(float scale) {
    return scale > 0 && (!blocks || ScaleType.BF16_IN_F16.round(scale) == scale);
  }

  /** Kernels for ARM add pairs of products in 16 bits, for which -128 is one too many. */
  @Override
  public int least(int codeBits) {
    return codeBits == Byte.SIZE ? -127 : -(1 << codeBits - 1);
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    int middle = 1 << bits - 1;
    int most = middle - 1;
    int least = least(bits);
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      float bound = LEAST_BOUND;
      for (int i = start; i < start + size; i++) {
        bound = Math.max(bound, Math.abs(x[i]));
      }
      float scale = bound / most;
      if (blocks) {
        scale = ScaleType.BF16_IN_F16.round(scale);
      }
      to.zeros()[group] = (byte) middle;
      to.scales()[group] = scale == 0 ? leastScale : scale;
      for (int i = 0; i < size; i++) {
        double code = scale == 0 ? 0 : Math.clamp(Math.rint(x[start + i] / scale), least, most);
        to.codes()[group * size + i] = (byte) (middle + (int) code);
      }
    }
  }
}
