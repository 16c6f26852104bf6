package dev.phial.choose;

import dev.phial.model.Weight;

/**
 * The bytes of the checkpoint.
 *
 * @param isPlain whether they are plain numbers, which must be looked at: a NaN must not pass
 */
record Copied(Weight weight, boolean isPlain) implements Chooser {
  @Override
  public boolean needsValues() {
    return isPlain;
  }

  @Override
  public byte[] encode(long first, int count, float[] values, int at) {
    byte[] bytes = new byte[Math.toIntExact(count * weight.rowBytes())];
    weight.copy(first, count, bytes);
    return bytes;
  }
}
