package dev.phial.tensor;

/**
 * A zero point and a multiplier for every group of columns that need not be neighbours: {@code
 * (code - zero) · scale}. GPTQ has such groups where it takes the columns in the order of their
 * importance ({@code desc_act}).
 *
 * @param groups {@code [columns]}: the group of each
 * @param scales {@code [rows, groups]}
 * @param zeros the same
 * @param firstRow row of the scales that is row 0 here, for slices
 */
public record ScatteredGroups(int[] groups, Tensor scales, Tensor zeros, long firstRow)
    implements Scales {
  @Override
  public ScatteredGroups from(long first) {
    return new ScatteredGroups(groups, scales, zeros, firstRow + first);
  }

  @Override
  public long held() {
    return groups.length;
  }

  @Override
  public long bytes(long rows, long columns) {
    return rows * scales.rowBytes() + zeros.bytesOf(rows);
  }

  @Override
  public void apply(long row, float[] x, int at, int columns) {
    float[] scale = new float[Math.toIntExact(scales.shape().columns())];
    float[] zero = new float[Math.toIntExact(zeros.shape().columns())];
    scales.read(firstRow + row, 1, scale, 0);
    zeros.read(firstRow + row, 1, zero, 0);
    for (int column = 0; column < columns; column++) {
      int group = groups[column];
      x[at + column] = (x[at + column] - zero[group]) * scale[group];
    }
  }
}
