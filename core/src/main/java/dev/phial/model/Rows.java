package dev.phial.model;

/**
 * Some rows of a parameter; of a vector, some of its elements.
 *
 * @param first row of the parameter
 */
public record Rows(Weight weight, long first, long count) {
  /** All of a parameter. */
  public static Rows of(Weight weight) {
    long all = weight.shape().rank() == 1 ? weight.shape().elements() : weight.shape().rows();
    return new Rows(weight, 0, all);
  }
}
