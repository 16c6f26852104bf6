package dev.phial.graph;

import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.List;

/**
 * A vector put together from stretches of parameters.
 *
 * @param parts one after the other
 */
public record Vector(List<Stretch> parts) {
  /**
   * {@code count} elements of a parameter of rank 1 from {@code first}.
   *
   * @param scaling for elements as rows
   */
  public record Stretch(Weight weight, int first, int count, Scaling scaling) {}

  public Vector {
    parts = List.copyOf(parts);
  }

  public static Vector of(Weight weight) {
    return of(weight, 0, Math.toIntExact(weight.shape().elements()));
  }

  public static Vector of(Weight weight, int first, int count) {
    return new Vector(List.of(new Stretch(weight, first, count, Scaling.NONE)));
  }

  /** One after the other. */
  public static Vector join(List<Vector> vectors) {
    return new Vector(vectors.stream().flatMap(vector -> vector.parts.stream()).toList());
  }

  /** The same, scaled; none of it is yet. */
  Vector scaled(float[] factors) {
    Scaling scaling = new Scaling(factors, Scaling.ONES);
    List<Stretch> scaled = new ArrayList<>();
    int at = 0;
    for (Stretch part : parts) {
      scaled.add(new Stretch(part.weight, part.first, part.count, scaling.slice(at, part.count)));
      at += part.count;
    }
    return new Vector(scaled);
  }

  public int size() {
    return parts.stream().mapToInt(Stretch::count).sum();
  }

  /** Reads all of it; a vector is small. */
  public float[] values() {
    float[] values = new float[size()];
    int at = 0;
    for (Stretch part : parts) {
      float[] all = new float[Math.toIntExact(part.weight.shape().elements())];
      part.weight.read(0, 1, all);
      System.arraycopy(all, part.first, values, at, part.count);
      part.scaling.apply(values, at, 0, part.count, 1);
      at += part.count;
    }
    return values;
  }
}
