package dev.phial.tensor;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A multiplier, and maybe an addend, for every group of neighbours in a row, read when they are
 * needed.
 *
 * @param scales {@code [rows, columns / groupSize]}, or more dimensions with as many rows
 * @param biases the same, or null
 * @param firstRow row of the scales that is row 0 here, for slices
 */
public record GroupScales(int groupSize, Tensor scales, @Nullable Tensor biases, long firstRow)
    implements Scales {
  @Override
  public GroupScales from(long first) {
    return new GroupScales(groupSize, scales, biases, firstRow + first);
  }

  @Override
  public long held() {
    return scales.scales() == null ? 0 : scales.scales().held();
  }

  @Override
  public long bytes(long rows, long columns) {
    return rows * (scales.rowBytes() + (biases == null ? 0 : biases.rowBytes()));
  }

  @Override
  public void apply(long row, float[] x, int at, int columns) {
    int groups = columns / groupSize;
    float[] scale = new float[groups];
    scales.read(firstRow + row, 1, scale, 0);
    for (int group = 0; group < groups; group++) {
      int end = at + (group + 1) * groupSize;
      for (int i = end - groupSize; i < end; i++) {
        x[i] *= scale[group];
      }
    }
    if (biases == null) { // a zero keeps its sign
      return;
    }
    float[] bias = new float[groups];
    biases.read(firstRow + row, 1, bias, 0);
    for (int group = 0; group < groups; group++) {
      int end = at + (group + 1) * groupSize;
      for (int i = end - groupSize; i < end; i++) {
        x[i] += bias[group];
      }
    }
  }

  @Override
  public Optional<Coding> coding(IntRange codes) {
    return Optional.of(
        new Coding(
            groupSize,
            codes.least(),
            codes.most(),
            biases == null ? Coding.Offset.NONE : Coding.Offset.NUMBER));
  }

  @Override
  public void read(long first, int rows, int groups, CodedRows to, int at) {
    scales.read(firstRow + first, rows, to.scales(), at);
    if (biases != null) {
      float[] bias = new float[rows * groups];
      biases.read(firstRow + first, rows, bias, 0);
      for (int group = 0; group < bias.length; group++) {
        to.offsets()[at + group] = bias[group];
      }
    }
  }
}
