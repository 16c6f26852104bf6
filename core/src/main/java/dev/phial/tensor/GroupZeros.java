package dev.phial.tensor;

import java.util.Optional;

/**
 * A zero point and a multiplier for every group of neighbours in a row, read when they are needed:
 * {@code (code - zero) · scale}.
 *
 * @param scales {@code [rows, groups]}
 * @param zeros the same, or wider where rows are padded
 * @param firstRow row of the scales that is row 0 here, for slices
 */
public record GroupZeros(int groupSize, Tensor scales, Tensor zeros, long firstRow)
    implements Scales {
  @Override
  public GroupZeros from(long first) {
    return new GroupZeros(groupSize, scales, zeros, firstRow + first);
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
    for (int group = 0; group < columns / groupSize; group++) {
      int end = at + (group + 1) * groupSize;
      for (int i = end - groupSize; i < end; i++) {
        x[i] = (x[i] - zero[group]) * scale[group];
      }
    }
  }

  @Override
  public Optional<Coding> coding(IntRange codes) {
    boolean isWhole = zeros.encoding().integers().isPresent() || zeros.encoding() == DType.U8;
    return Optional.of(
        new Coding(
            groupSize,
            codes.least(),
            codes.most(),
            isWhole ? Coding.Offset.ZERO_POINT : Coding.Offset.NUMBER));
  }

  @Override
  public void read(long first, int rows, int groups, CodedRows to, int at) {
    int scaleColumns = Math.toIntExact(scales.shape().columns());
    int zeroColumns = Math.toIntExact(zeros.shape().columns());
    float[] scale = new float[rows * scaleColumns];
    float[] zero = new float[rows * zeroColumns];
    scales.read(firstRow + first, rows, scale, 0);
    zeros.read(firstRow + first, rows, zero, 0);
    for (int row = 0; row < rows; row++) {
      for (int group = 0; group < groups; group++) {
        int place = at + row * groups + group;
        float multiplier = scale[row * scaleColumns + group];
        to.scales()[place] = multiplier;
        // 0, not -0
        to.offsets()[place] = 0 - (double) multiplier * zero[row * zeroColumns + group];
      }
    }
  }
}
