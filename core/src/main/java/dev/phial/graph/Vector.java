package dev.phial.graph;

import dev.phial.model.Rows;
import dev.phial.model.Weight;
import java.util.List;

/**
 * A vector put together from stretches of parameters of rank 1.
 *
 * @param parts one after the other
 */
public record Vector(List<Rows> parts) {
  public Vector {
    parts = List.copyOf(parts);
  }

  public static Vector of(Weight weight) {
    return new Vector(List.of(Rows.of(weight)));
  }

  /** {@code count} elements of a parameter from {@code first}. */
  public static Vector of(Weight weight, int first, int count) {
    return new Vector(List.of(new Rows(weight, first, count)));
  }

  /** One after the other. */
  public static Vector join(List<Vector> vectors) {
    return new Vector(vectors.stream().flatMap(vector -> vector.parts.stream()).toList());
  }

  public int size() {
    return Math.toIntExact(parts.stream().mapToLong(Rows::count).sum());
  }

  /** Reads all of it; a vector is small. */
  public float[] values() {
    float[] values = new float[size()];
    int at = 0;
    for (Rows part : parts) {
      float[] all = new float[Math.toIntExact(part.weight().shape().elements())];
      part.weight().read(0, 1, all);
      int count = Math.toIntExact(part.count());
      System.arraycopy(all, Math.toIntExact(part.first()), values, at, count);
      at += count;
    }
    return values;
  }
}
