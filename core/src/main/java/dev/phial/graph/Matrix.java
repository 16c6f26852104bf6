package dev.phial.graph;

import dev.phial.model.Rows;
import dev.phial.model.Weight;
import java.util.List;

/**
 * A matrix {@code [rows, columns]} put together from rows of parameters: fused projections are cut
 * apart, separate ones joined, without copying anything.
 *
 * @param parts one below the other
 */
public record Matrix(List<Rows> parts) {
  public Matrix {
    parts = List.copyOf(parts);
  }

  public static Matrix of(Weight weight) {
    return new Matrix(List.of(Rows.of(weight)));
  }

  /** {@code count} rows of a parameter from {@code first}. */
  public static Matrix of(Weight weight, long first, long count) {
    return new Matrix(List.of(new Rows(weight, first, count)));
  }

  /** One below the other. */
  public static Matrix stack(List<Matrix> matrices) {
    return new Matrix(matrices.stream().flatMap(matrix -> matrix.parts.stream()).toList());
  }

  public long rows() {
    return parts.stream().mapToLong(Rows::count).sum();
  }

  public long columns() {
    return parts.getFirst().weight().shape().columns();
  }
}
