package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.kernel.GridKernels;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Grid;
import dev.phial.quant.GridBlock;
import dev.phial.quant.GridFormat;
import java.util.Arrays;

/**
 * The nearest points for the scales and offsets with the least weighted squared error that a search
 * from many starts finds.
 */
record Search(PlannedTensor tensor, Weight weight, GridFormat format, Importance importance)
    implements Chooser {
  @Override
  public boolean needsValues() {
    return true;
  }

  @Override
  public byte[] encode(long first, int count, float[] values, int at) {
    int columns = tensor.columns();
    Grid grid = format.grid();
    float[] w = weights(first, columns);
    ScaleFit fit = new ScaleFit(grid);
    GridKernels.Points points = ScaleFit.points(grid.points());
    GridKernels kernels = GridKernels.best();
    GridRows rows = new GridRows(grid, columns);
    GridBlock block = new GridBlock(grid);
    float[] x = new float[columns * LANES];
    float[] scales = new float[LANES];
    float[] offsets = new float[LANES];
    int rowBytes = Math.toIntExact(tensor.rowBytes());
    byte[] bytes = new byte[count * rowBytes];
    for (int row = 0; row < count; row += LANES) {
      int some = Math.min(LANES, count - row);
      Lanes.load(values, at + row * columns, some, columns, x);
      for (int i = 0; i < rows.blocks(); i++) {
        int column = i * grid.blockSize();
        fit.fit(x, column * LANES, w, column, rows, i);
        for (int group = rows.firstGroup(i); group < rows.firstGroup(i + 1); group++) {
          int start = group * grid.groupSize() * LANES;
          System.arraycopy(rows.scales, group * LANES, scales, 0, LANES);
          System.arraycopy(rows.offsets, group * LANES, offsets, 0, LANES);
          kernels.nearest(x, start, grid.groupSize(), points, scales, offsets, rows.points, start);
        }
      }
      for (int lane = 0; lane < some; lane++) {
        rows.lay(format, lane, block, bytes, (row + lane) * rowBytes);
      }
    }
    return bytes;
  }

  /** Of the columns; they are at least a little. */
  private float[] weights(long row, int columns) {
    float[] w = new float[columns];
    Arrays.fill(w, 1);
    importance
        .of(weight, Math.toIntExact(row / weight.matrixRows()))
        .ifPresent(known -> {
          double mean = 0;
          for (float value : known) {
            mean += value / columns;
          }
          for (int i = 0; i < columns && mean > 0; i++) {
            w[i] = (float) Math.max(known[i] / mean, 1e-4);
          }
        });
    return w;
  }
}
