package dev.phial.quant;

/**
 * What codes stand for before they are scaled, in ascending order.
 *
 * @param values {@code [n]}
 * @param codes {@code [n]}: how a format spells them
 * @param areWhole whether they are neighbouring whole numbers
 */
public record Points(float[] values, int[] codes, boolean areWhole) {
  /** Whole numbers, which are spelled by how far they are from the least. */
  public static Points integers(int least, int most) {
    float[] values = new float[most - least + 1];
    int[] codes = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = least + i;
      codes[i] = i;
    }
    return new Points(values, codes, true);
  }

  /**
   * Any numbers, which are spelled by where they stand in a table; of equal ones, such as two
   * zeros, the first counts.
   */
  static Points table(float... table) {
    int[] order =
        java.util.stream.IntStream.range(0, table.length)
            .filter(i -> isFirst(table, i))
            .boxed()
            .sorted(java.util.Comparator.comparingDouble(i -> table[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    float[] values = new float[order.length];
    for (int i = 0; i < order.length; i++) {
      values[i] = table[order[i]] + 0f; // zero has no sign here
    }
    return new Points(values, order, false);
  }

  private static boolean isFirst(float[] table, int i) {
    for (int k = 0; k < i; k++) {
      if (table[k] == table[i]) {
        return false;
      }
    }
    return Float.isFinite(table[i]);
  }

  public int count() {
    return values.length;
  }

  public float least() {
    return values[0];
  }

  public float most() {
    return values[values.length - 1];
  }

  /** Between which neighbours lie: {@code [n - 1]}. */
  public float[] middles() {
    float[] middles = new float[values.length - 1];
    for (int i = 0; i < middles.length; i++) {
      middles[i] = (values[i] + values[i + 1]) / 2;
    }
    return middles;
  }

  /** How a value of theirs is spelled. */
  public int code(float value) {
    if (areWhole) {
      return Math.round(value - values[0]);
    }
    return codes[java.util.Arrays.binarySearch(values, value)];
  }
}
