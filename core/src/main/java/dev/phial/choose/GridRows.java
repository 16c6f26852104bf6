package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.quant.Grid;
import dev.phial.quant.GridBlock;
import dev.phial.quant.GridFormat;

/**
 * Rows of a matrix in the terms of a grid, {@link dev.phial.kernel.GridKernels#LANES} side by side:
 * what belongs to row {@code lane} is at {@code i * LANES + lane}.
 */
final class GridRows {
  final Grid grid;
  final int columns;
  final float[] points; // [columns][LANES]
  final float[] scales; // [groups][LANES], of the points
  final float[] offsets; // [groups][LANES]
  final float[] wholeScales; // [groups][LANES], whole numbers; of two levels
  final float[] wholeMinima; // [groups][LANES], whole numbers of minima, or zero points
  final float[] blockScales; // [blocks][LANES]
  final float[] blockMinima; // [blocks][LANES], of minima that have two levels

  GridRows(Grid grid, int columns) {
    this.grid = grid;
    this.columns = columns;
    int groups = columns / grid.groupSize();
    int blocks = columns / grid.blockSize();
    points = new float[columns * LANES];
    scales = new float[groups * LANES];
    offsets = new float[groups * LANES];
    wholeScales = new float[groups * LANES];
    wholeMinima = new float[groups * LANES];
    blockScales = new float[blocks * LANES];
    blockMinima = new float[blocks * LANES];
  }

  int blocks() {
    return columns / grid.blockSize();
  }

  /** The first group of a block. */
  int firstGroup(int block) {
    return block * grid.groups();
  }

  /**
   * The number that a column stands for.
   *
   * @param lane of the row
   */
  float value(int column, int lane) {
    int group = column / grid.groupSize() * LANES + lane;
    return Math.fma(scales[group], points[column * LANES + lane], offsets[group]);
  }

  /** Makes scales and offsets of the groups of a block from its whole numbers, in one row. */
  void settle(int block, int lane) {
    int at = block * LANES + lane;
    for (int group = firstGroup(block); group < firstGroup(block + 1); group++) {
      int place = group * LANES + lane;
      if (grid.hasTwoLevels()) {
        scales[place] = blockScales[at] * wholeScales[place];
        offsets[place] = 0 - blockMinima[at] * wholeMinima[place];
      }
    }
  }

  /**
   * Lays a row down.
   *
   * @param block scratch
   * @param to receives the blocks of the row from {@code at}
   */
  void lay(GridFormat format, int lane, GridBlock block, byte[] to, int at) {
    int size = grid.blockSize();
    for (int i = 0; i < blocks(); i++) {
      for (int k = 0; k < size; k++) {
        block.codes[k] = grid.points().code(points[(i * size + k) * LANES + lane]);
      }
      for (int k = 0; k < grid.groups(); k++) {
        int group = (firstGroup(i) + k) * LANES + lane;
        block.scales[k] = (int) wholeScales[group];
        block.minima[k] = (int) wholeMinima[group];
      }
      block.scale = blockScales[i * LANES + lane];
      block.minimum =
          grid.offset() == Grid.Offset.NUMBER
              ? offsets[firstGroup(i) * LANES + lane]
              : blockMinima[i * LANES + lane];
      format.lay(block, to, at + i * format.blockBytes());
    }
  }
}
