package dev.phial.tensor;

import java.util.Arrays;
import java.util.List;

/**
 * Dimensions, outermost first: {@code [experts, rows, columns]}. A tensor is seen as {@link #rows}
 * rows of {@link #columns} elements; a vector is one row.
 */
public record Shape(List<Long> dimensions) {
  public Shape {
    dimensions = List.copyOf(dimensions);
  }

  public static Shape of(long... dimensions) {
    return new Shape(Arrays.stream(dimensions).boxed().toList());
  }

  public int rank() {
    return dimensions.size();
  }

  /**
   * Number of elements; 1 for a scalar.
   *
   * @throws ArithmeticException if it does not fit a long
   */
  public long elements() {
    long product = 1;
    for (long dimension : dimensions) {
      product = Math.multiplyExact(product, dimension);
    }
    return product;
  }

  /** The innermost dimension. */
  public long columns() {
    return dimensions.isEmpty() ? 1 : dimensions.getLast();
  }

  public long rows() {
    return columns() == 0 ? 0 : elements() / columns();
  }

  @Override
  public String toString() {
    return dimensions.toString();
  }
}
