package dev.phial.tensor;

/**
 * Codes of some rows, with the scale and the offset of every group.
 *
 * @param codes {@code [rows][columns]}
 * @param scales {@code [rows][groups]}
 * @param offsets {@code [rows][groups]}, exact: in single precision the product of a scale and a
 *     zero point might be rounded
 */
public record CodedRows(int groupSize, short[] codes, float[] scales, double[] offsets) {
  public static CodedRows of(int rows, int columns, int groupSize) {
    int groups = rows * (columns / groupSize);
    return new CodedRows(
        groupSize, new short[rows * columns], new float[groups], new double[groups]);
  }

  public int groups() {
    return scales.length;
  }

  /** These rows with groups cut into smaller ones of a size that divides theirs. */
  public CodedRows regrouped(int size) {
    if (size == groupSize) {
      return this;
    }
    int parts = groupSize / size;
    float[] newScales = new float[scales.length * parts];
    double[] newOffsets = new double[newScales.length];
    for (int i = 0; i < newScales.length; i++) {
      newScales[i] = scales[i / parts];
      newOffsets[i] = offsets[i / parts];
    }
    return new CodedRows(size, codes, newScales, newOffsets);
  }

  /** Whether group {@code i} of both is the same integers: equal, or all shifted by as much. */
  public boolean isSame(int i, CodedRows other) {
    int start = i * groupSize;
    int shift = codes[start] - other.codes[start];
    for (int k = start; k < start + groupSize; k++) {
      if (codes[k] - other.codes[k] != shift) {
        return false;
      }
    }
    return scales[i] == other.scales[i]
        && offsets[i] + (double) scales[i] * shift == other.offsets[i];
  }
}
