package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.kernel.GridKernels;
import dev.phial.quant.Format;
import dev.phial.quant.GridBlock;
import dev.phial.quant.GridFormat;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Chooses the codes of rows again, now that something is known of what flows into their matrix. A
 * row keeps the codes that it has unless the output of the layer gains.
 */
public final class Refinement {
  /** Of all columns, by coordinate descent; more change next to nothing. */
  private static final int SWEEPS = 4;

  /** Rows that are refined at once. */
  public static final int ROWS = LANES;

  private final Format format;
  private final InputMoments moments;
  private final Curvature curvature;

  /**
   * Prepares it.
   *
   * @throws dev.phial.PhialException.BadInput if the moments are no sums of squares
   */
  public Refinement(Format format, InputMoments moments) {
    this.format = format;
    this.moments = moments;
    this.curvature = moments.curvature(format.blockSize());
  }

  /** Whether the codes of a format can be chosen one by one. */
  public static boolean isPossible(Format format) {
    return format.blockSize() > 1
        && !(format instanceof GridFormat grid && grid.grid().pairLimit() > 0);
  }

  /**
   * Refines rows that know nothing of each other, from several threads.
   *
   * @param values {@code [count][columns]}, at most {@link #ROWS}
   * @param blocks {@code [count][blocks of a row]}: as chosen before; receives the better ones
   */
  public void run(float[] values, int count, byte[] blocks) {
    choose(target(values, 0, count), count, blocks, 0);
  }

  /**
   * Refines rows one after the other, so that they make up for the errors of those before.
   *
   * @param outputs of the rows
   * @param first of the rows, which are in one band
   * @param values {@code [count][columns]}
   * @param blocks {@code [count][blocks of a row]}: as chosen before; receives the better ones
   */
  public void run(OutputMoments outputs, int first, float[] values, int count, byte[] blocks) {
    int rowBytes = Math.toIntExact(format.bytes(moments.size()));
    OutputMoments.Chain chain = outputs.chain(first, count, moments.size());
    for (int row = 0; row < count; row += ROWS) {
      int some = Math.min(ROWS, count - row);
      float[] errors = target(values, row, some);
      choose(chain.shifted(errors), some, blocks, row * rowBytes);
      float[] chosen = decoded(blocks, row * rowBytes, some);
      for (int i = 0; i < errors.length; i++) {
        errors[i] -= chosen[i];
      }
      chain.add(errors);
    }
  }

  /** What rows should be, {@code [columns][LANES]}. */
  private float[] target(float[] values, int row, int count) {
    int columns = moments.size();
    float[] target = new float[columns * LANES];
    Lanes.load(values, row * columns, count, columns, target);
    moments.follow(curvature, target);
    return target;
  }

  private void choose(float[] target, int count, byte[] blocks, int at) {
    byte[] found =
        format instanceof GridFormat grid ? points(grid, target, count) : encoded(target, count);
    double[] before = errors(blocks, at, count, target);
    double[] after = errors(found, 0, count, target);
    int rowBytes = found.length / count;
    for (int lane = 0; lane < count; lane++) {
      if (after[lane] < before[lane]) {
        System.arraycopy(found, lane * rowBytes, blocks, at + lane * rowBytes, rowBytes);
      }
    }
  }

  private byte[] points(GridFormat grid, float[] target, int count) {
    GridRows rows = new GridRows(grid.grid(), moments.size());
    new Feedback(grid.grid(), curvature).run(target, rows);
    new Descent(grid.grid(), curvature).run(target, rows, SWEEPS);
    GridBlock block = new GridBlock(grid.grid());
    int rowBytes = Math.toIntExact(format.bytes(moments.size()));
    byte[] bytes = new byte[count * rowBytes];
    for (int lane = 0; lane < count; lane++) {
      rows.lay(grid, lane, block, bytes, lane * rowBytes);
    }
    return bytes;
  }

  /** Block by block as the format itself chooses, each making up for the errors of those before. */
  private byte[] encoded(float[] target, int count) {
    int size = format.blockSize();
    int blockBytes = format.blockBytes();
    int rowBytes = Math.toIntExact(format.bytes(moments.size()));
    byte[] bytes = new byte[count * rowBytes];
    float[] current = target.clone();
    float[] errors = new float[target.length];
    float[] block = new float[count * size];
    byte[] encoded = new byte[count * blockBytes];
    for (Curvature.Panel panel : curvature.panels()) {
      for (int column = panel.first(); column < panel.end(); column += size) {
        for (int lane = 0; lane < count; lane++) {
          for (int i = 0; i < size; i++) {
            block[lane * size + i] = current[(column + i) * LANES + lane];
          }
        }
        float[] weights = Arrays.copyOfRange(curvature.weights(), column, column + size);
        format.encode(block, count, size, weights, encoded, 0);
        format.decode(MemorySegment.ofArray(encoded), 0, block, 0, count * size);
        for (int lane = 0; lane < count; lane++) {
          int to = lane * rowBytes + column / size * blockBytes;
          System.arraycopy(encoded, lane * blockBytes, bytes, to, blockBytes);
          for (int i = 0; i < size; i++) {
            int at = (column + i) * LANES + lane;
            errors[at] = target[at] - block[lane * size + i];
          }
        }
        int end = column + size;
        for (int i = column; i < end; i++) {
          GridKernels.best()
              .addOuter(
                  current,
                  end * LANES,
                  panel.end() - end,
                  errors,
                  i * LANES,
                  panel.feedback(),
                  (i - panel.first()) * panel.count() + end - panel.first());
        }
      }
      curvature.feedAfter(panel, errors, current);
    }
    return bytes;
  }

  private double[] errors(byte[] blocks, int at, int count, float[] target) {
    float[] differences = decoded(blocks, at, count);
    for (int i = 0; i < target.length; i++) {
      differences[i] -= target[i];
    }
    return curvature.errors(differences);
  }

  /** What rows of blocks are, {@code [columns][LANES]}. */
  private float[] decoded(byte[] blocks, int at, int count) {
    int columns = moments.size();
    float[] values = new float[count * columns];
    format.decode(MemorySegment.ofArray(blocks), at, values, 0, values.length);
    float[] decoded = new float[columns * LANES];
    Lanes.load(values, 0, count, columns, decoded);
    return decoded;
  }
}
