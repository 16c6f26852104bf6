package dev.phial.engine.vision;

/** How an image is made into squares of one size. */
interface Squares {
  /**
   * An image in whole squares.
   *
   * @param usedRows rows of patches that are of the image, and not of what was put around it
   */
  record Cut(Pixels pixels, int usedRows, int usedColumns) {}

  /**
   * @throws dev.phial.PhialException.BadInput if it has a shape that cannot be made so
   */
  Cut cut(Picture picture);

  /** Pixels along the side of a square. */
  int side();

  /**
   * Makes one row of a square of four patches.
   *
   * @param four {@code [2][2][hidden]}, their rows
   * @return {@code [hidden]} or {@code [4 · hidden]}
   */
  float[] merge(float[] four);
}
