package dev.phial.quant.method;

/** No way to choose codes: they come from elsewhere, see {@link dev.phial.quant.Recoding}. */
public record Given(boolean hasZeros) implements GroupMethod {
  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    throw new UnsupportedOperationException("the codes are given");
  }
}
