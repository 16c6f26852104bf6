package dev.phial.choose;

/** Makes blocks of a format of rows of one parameter. */
public interface Chooser {
  /** Whether it looks at the numbers; otherwise it reads what it needs itself. */
  boolean needsValues();

  /**
   * Encodes rows, from several threads and in any order.
   *
   * @param first row of the parameter; of a vector, the first element
   * @param values {@code [count][columns]} from {@code at}, finite; not kept, not changed,
   *     meaningless unless {@link #needsValues}
   * @return {@code [count][blocks of a row]}
   * @throws dev.phial.PhialException.Unsupported if the format cannot hold them
   */
  byte[] encode(long first, int count, float[] values, int at);
}
