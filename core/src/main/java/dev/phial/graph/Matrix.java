package dev.phial.graph;

import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.List;

/**
 * A matrix {@code [rows, columns]} put together from rows of parameters: fused projections are cut
 * apart, separate ones joined, without copying anything.
 *
 * @param parts one below the other
 */
public record Matrix(List<Rows> parts) {
  /** {@code count} rows of a parameter from {@code first}, scaled. */
  public record Rows(Weight weight, long first, long count, Scaling scaling) {}

  public Matrix {
    parts = List.copyOf(parts);
  }

  public static Matrix of(Weight weight) {
    return of(weight, 0, weight.shape().rows());
  }

  public static Matrix of(Weight weight, long first, long count) {
    return new Matrix(List.of(new Rows(weight, first, count, Scaling.NONE)));
  }

  /** One below the other. */
  public static Matrix stack(List<Matrix> matrices) {
    return new Matrix(matrices.stream().flatMap(matrix -> matrix.parts.stream()).toList());
  }

  /** The same, scaled; none of it is yet. */
  Matrix scaled(Scaling scaling) {
    List<Rows> scaled = new ArrayList<>();
    int row = 0;
    for (Rows part : parts) {
      int count = Math.toIntExact(part.count);
      scaled.add(new Rows(part.weight, part.first, part.count, scaling.slice(row, count)));
      row += count;
    }
    return new Matrix(scaled);
  }

  public long rows() {
    return parts.stream().mapToLong(Rows::count).sum();
  }

  public long columns() {
    return parts.getFirst().weight.shape().columns();
  }
}
