package dev.phial.engine.vision;

/**
 * An image in the numbers that an encoder takes.
 *
 * @param values {@code [height][width][3]}
 */
record Pixels(int width, int height, float[] values) {
  private static final int CHANNELS = Picture.CHANNELS;
  private static final float BRIGHTEST = 255;

  /** {@code (pixel / 255 - mean) / deviation}, colour by colour. */
  static Pixels of(Picture picture, float[] mean, float[] deviation) {
    float[] values = new float[picture.rgb().length];
    for (int i = 0; i < values.length; i++) {
      int channel = i % CHANNELS;
      values[i] = ((picture.rgb()[i] & 0xFF) / BRIGHTEST - mean[channel]) / deviation[channel];
    }
    return new Pixels(picture.width(), picture.height(), values);
  }

  /** All of it in another size, as torch does it by {@code bicubic} without antialias. */
  Pixels cubic(int newWidth, int newHeight) {
    return new Pixels(
        newWidth,
        newHeight,
        Resampling.apply(
            Resampling.cubic(height, newHeight),
            Resampling.cubic(width, newWidth),
            values,
            height,
            width,
            CHANNELS));
  }

  /** A square of it. */
  Pixels square(int top, int left, int side) {
    float[] part = new float[side * side * CHANNELS];
    for (int y = 0; y < side; y++) {
      System.arraycopy(
          values,
          ((top + y) * width + left) * CHANNELS,
          part,
          y * side * CHANNELS,
          side * CHANNELS);
    }
    return new Pixels(side, side, part);
  }

  /**
   * Its patches, row by row.
   *
   * @param channelsFirst whether colours are the outermost dimension of a patch, or the innermost
   * @return {@code [patches][3 · patch · patch]}
   */
  float[] patches(int patch, boolean channelsFirst) {
    float[] patches = new float[height / patch * (width / patch) * patch * patch * CHANNELS];
    int at = 0;
    for (int top = 0; top + patch <= height; top += patch) {
      for (int left = 0; left + patch <= width; left += patch) {
        for (int i = 0; i < patch * patch; i++) {
          int pixel = ((top + i / patch) * width + left + i % patch) * CHANNELS;
          for (int c = 0; c < CHANNELS; c++) {
            patches[at + (channelsFirst ? c * patch * patch + i : i * CHANNELS + c)] =
                values[pixel + c];
          }
        }
        at += patch * patch * CHANNELS;
      }
    }
    return patches;
  }
}
