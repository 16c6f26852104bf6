package dev.phial.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of rows and vectors as they lie, four by four: each number that is loaded counts four
 * times.
 */
final class RowProducts {
  private static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  private static final int WIDTH = F.length();

  private RowProducts() {}

  /**
   * Sets {@code y[v][r] = Σ rows[r][k] · x[v][k]}, as {@link MatrixKernels#multiplyRows} does.
   *
   * @param rows {@code [count][columns]}, at least four
   * @param x {@code [vectors][xStride]} from {@code at}, at least four
   * @param y receives {@code [vectors][yStride]} from {@code yAt}
   */
  static void multiply(
      float[] rows,
      int count,
      float[] x,
      int at,
      int xStride,
      int vectors,
      int columns,
      float[] y,
      int yAt,
      int yStride) {
    float[] sums = new float[16 * WIDTH];
    for (int r = 0; r < count; r += 4) {
      int row = Math.min(r, count - 4); // the last four rows overlap with others
      for (int v = 0; v < vectors; v += 4) {
        int vector = Math.min(v, vectors - 4);
        multiply(rows, row * columns, columns, x, at + vector * xStride, xStride, sums);
        for (int i = 0; i < 16; i++) {
          int rowAt = (row + i % 4) * columns;
          int xAt = at + (vector + i / 4) * xStride;
          float sum = Sums.of(FloatVector.fromArray(F, sums, i * WIDTH));
          for (int k = columns / WIDTH * WIDTH; k < columns; k++) {
            sum = Math.fma(rows[rowAt + k], x[xAt + k], sum);
          }
          y[yAt + (vector + i / 4) * yStride + row + i % 4] = sum;
        }
      }
    }
  }

  /**
   * The products of four rows and four vectors, a sum a lane.
   *
   * @param sums receives {@code [4 vectors][4 rows][lanes]}
   */
  private static void multiply(
      float[] rows, int row, int columns, float[] x, int at, int stride, float[] sums) {
    FloatVector s00 = FloatVector.zero(F);
    FloatVector s01 = FloatVector.zero(F);
    FloatVector s02 = FloatVector.zero(F);
    FloatVector s03 = FloatVector.zero(F);
    FloatVector s10 = FloatVector.zero(F);
    FloatVector s11 = FloatVector.zero(F);
    FloatVector s12 = FloatVector.zero(F);
    FloatVector s13 = FloatVector.zero(F);
    FloatVector s20 = FloatVector.zero(F);
    FloatVector s21 = FloatVector.zero(F);
    FloatVector s22 = FloatVector.zero(F);
    FloatVector s23 = FloatVector.zero(F);
    FloatVector s30 = FloatVector.zero(F);
    FloatVector s31 = FloatVector.zero(F);
    FloatVector s32 = FloatVector.zero(F);
    FloatVector s33 = FloatVector.zero(F);
    for (int k = 0; k + WIDTH <= columns; k += WIDTH) {
      FloatVector r0 = FloatVector.fromArray(F, rows, row + k);
      FloatVector r1 = FloatVector.fromArray(F, rows, row + columns + k);
      FloatVector r2 = FloatVector.fromArray(F, rows, row + 2 * columns + k);
      FloatVector r3 = FloatVector.fromArray(F, rows, row + 3 * columns + k);
      FloatVector x0 = FloatVector.fromArray(F, x, at + k);
      s00 = x0.fma(r0, s00);
      s10 = x0.fma(r1, s10);
      s20 = x0.fma(r2, s20);
      s30 = x0.fma(r3, s30);
      FloatVector x1 = FloatVector.fromArray(F, x, at + stride + k);
      s01 = x1.fma(r0, s01);
      s11 = x1.fma(r1, s11);
      s21 = x1.fma(r2, s21);
      s31 = x1.fma(r3, s31);
      FloatVector x2 = FloatVector.fromArray(F, x, at + 2 * stride + k);
      s02 = x2.fma(r0, s02);
      s12 = x2.fma(r1, s12);
      s22 = x2.fma(r2, s22);
      s32 = x2.fma(r3, s32);
      FloatVector x3 = FloatVector.fromArray(F, x, at + 3 * stride + k);
      s03 = x3.fma(r0, s03);
      s13 = x3.fma(r1, s13);
      s23 = x3.fma(r2, s23);
      s33 = x3.fma(r3, s33);
    }
    s00.intoArray(sums, 0 * WIDTH);
    s01.intoArray(sums, 4 * WIDTH);
    s02.intoArray(sums, 8 * WIDTH);
    s03.intoArray(sums, 12 * WIDTH);
    s10.intoArray(sums, 1 * WIDTH);
    s11.intoArray(sums, 5 * WIDTH);
    s12.intoArray(sums, 9 * WIDTH);
    s13.intoArray(sums, 13 * WIDTH);
    s20.intoArray(sums, 2 * WIDTH);
    s21.intoArray(sums, 6 * WIDTH);
    s22.intoArray(sums, 10 * WIDTH);
    s23.intoArray(sums, 14 * WIDTH);
    s30.intoArray(sums, 3 * WIDTH);
    s31.intoArray(sums, 7 * WIDTH);
    s32.intoArray(sums, 11 * WIDTH);
    s33.intoArray(sums, 15 * WIDTH);
  }
}
