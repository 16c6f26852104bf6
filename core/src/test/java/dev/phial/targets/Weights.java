package dev.phial.targets;

import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.quant.Format;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** The parameters of a model, to compare with those of another. */
public final class Weights {
  private static final int SOME = 50;

  private Weights() {}

  /** What is the same parameter in every format; not all have a name in each. */
  public static String key(Weight weight) {
    return weight.role() + " " + weight.layer() + " " + weight.part();
  }

  public static Map<String, Weight> of(ModelDescription model) {
    Map<String, Weight> weights = new HashMap<>();
    model.weights().forEach(weight -> weights.put(key(weight), weight));
    return weights;
  }

  public static float[] values(Weight weight) {
    return read(weight, (int) weight.shape().rows());
  }

  /** Whether the first rows are what a format makes of those of another; zero has no sign here. */
  public static boolean areOf(Format format, Weight original, Weight weight) {
    float[] x = read(original, some(original));
    int columns = (int) original.shape().columns();
    if (columns % format.blockSize() != 0) {
      return false;
    }
    byte[] bytes = new byte[(int) format.bytes(x.length)];
    format.encode(x, x.length / columns, columns, null, bytes, 0);
    float[] expected = new float[x.length];
    format.decode(MemorySegment.ofArray(bytes), 0, expected, 0, x.length);
    float[] found = read(weight, some(weight));
    boolean same = found.length == expected.length;
    for (int i = 0; same && i < found.length; i++) {
      same = found[i] == expected[i];
    }
    return same;
  }

  private static int some(Weight weight) {
    return (int) Math.min(SOME, weight.shape().rows());
  }

  private static float[] read(Weight weight, int rows) {
    float[] values = new float[rows * (int) weight.shape().columns()];
    weight.read(0, rows, values);
    return values;
  }
}
