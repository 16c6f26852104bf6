package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.PhialException;
import dev.phial.kernel.MatrixKernels;
import java.util.Arrays;

/**
 * What is known of the outputs of a matrix: the second moments {@code G = Σ g gᵀ} of gradients in
 * them, of rows that are {@link #BAND} or fewer apart. Errors of rows whose outputs do the same to
 * what the model predicts can make up for each other. Sums need not be divided by anything.
 *
 * @param rows of the matrix
 * @param bands {@code [bands][rows of the band][stride of the band]}
 */
public record OutputMoments(int rows, float[][] bands) {
  /** Rows whose moments are known of each other, one after the other. */
  public static final int BAND = 256;

  /** What is added to the diagonal, as a share of its mean: few tokens have been seen. */
  private static final double DAMPING = 0.05;

  /** Rows of a band. */
  public static int count(int rows, int band) {
    return Math.min(BAND, rows - band * BAND);
  }

  /** Distance from row to row of a band, in whole panels. */
  public static int stride(int rows, int band) {
    return Math.ceilDiv(count(rows, band), MatrixKernels.PANEL) * MatrixKernels.PANEL;
  }

  /** Bytes that the moments of so many rows take. */
  public static long bytes(long rows) {
    return rows * BAND * Float.BYTES;
  }

  /**
   * Starts to choose rows of one band, one after the other.
   *
   * @param columns of the matrix
   */
  Chain chain(int first, int count, int columns) {
    try {
      return new Chain(feedback(first, count), count, columns);
    } catch (PhialException.BadInput e) { // the gradients tell nothing
      return new Chain(new float[count * count], count, columns);
    }
  }

  /**
   * How errors of rows are made up for in the rows after them, as {@link Curvature} does it for
   * columns.
   *
   * @return {@code [count][count]}, strictly upper
   */
  private float[] feedback(int first, int count) {
    float[] band = bands[first / BAND];
    int stride = stride(rows, first / BAND);
    int offset = first % BAND;
    float[] some = new float[count * count];
    for (int i = 0; i < count; i++) {
      System.arraycopy(band, (offset + i) * stride + offset, some, i * count, count);
    }
    return Curvature.of(some, count, DAMPING, count, false).panels().getFirst().feedback();
  }

  /** Rows of a band that are chosen one after the other, {@link Refinement#ROWS} at a time. */
  static final class Chain {
    private final int count;
    private final int columns;
    private final int stride; // of feedback, in whole panels
    private final float[] feedback; // [whole panels][stride]
    private final float[] shifts; // [groups of rows][columns][LANES]
    private int group; // that is next

    private Chain(float[] feedback, int count, int columns) {
      this.count = count;
      this.columns = columns;
      int groups = Math.ceilDiv(count, LANES);
      this.stride = groups * LANES;
      this.feedback = new float[stride * stride];
      for (int i = 0; i < count; i++) {
        System.arraycopy(feedback, i * count, this.feedback, i * stride, count);
      }
      this.shifts = new float[groups * columns * LANES];
    }

    /**
     * What the next rows should be, now that those before have errors.
     *
     * @param target what they should be if there were none, {@code [columns][LANES]}
     */
    float[] shifted(float[] target) {
      int size = columns * LANES;
      float[] shift = Arrays.copyOfRange(shifts, group * size, (group + 1) * size);
      int first = group * LANES;
      int end = Math.min(first + LANES, count);
      for (int i = first; i < end; i++) { // these cannot make up for each other's errors
        for (int k = i + 1; k < end; k++) {
          float factor = -feedback[i * stride + k];
          for (int at = 0; at < size; at += LANES) {
            int to = at + k - first;
            shift[to] = Math.fma(factor, shift[at + i - first], shift[to]);
          }
        }
      }
      for (int i = 0; i < size; i++) {
        shift[i] += target[i];
      }
      return shift;
    }

    /**
     * Takes what is left of the errors of these rows, and goes on to the next.
     *
     * @param errors {@code [columns][LANES]}
     */
    void add(float[] errors) {
      MatrixKernels kernels = MatrixKernels.best();
      float[] packed = new float[errors.length];
      kernels.packVectors(errors, 0, LANES, columns, LANES, packed, 0);
      int from = group * LANES * stride;
      group++;
      for (int next = group; next * LANES < count; next++) {
        int to = next * columns * LANES;
        kernels.multiply(
            packed, 0, columns, LANES, feedback, from + next * LANES, stride, shifts, to, LANES);
      }
    }
  }
}
