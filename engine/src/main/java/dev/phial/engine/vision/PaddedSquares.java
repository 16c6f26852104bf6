package dev.phial.engine.vision;

import dev.phial.PhialException;
import dev.phial.model.Vision;
import dev.phial.source.Config;
import java.util.List;
import java.util.Optional;

/**
 * Phi-4-multimodal's squares: as many as cover the image, or those of the nearest shape; white to
 * the right or below, which no patch sees.
 */
final class PaddedSquares implements Squares {
  private static final int USUAL_MOST = 36;
  private static final int MOST = 64;
  private static final int SHORTEST = 10; // pixels
  private static final List<Double> HALF = List.of(0.5, 0.5, 0.5);

  private final int side;
  private final int patch;
  private final int most;
  private final float[] mean;
  private final float[] deviation;

  /**
   * @param settings preprocessor_config.json
   */
  PaddedSquares(Vision vision, Optional<Config> settings) {
    this.patch = vision.patch();
    this.side = vision.side() * patch;
    this.most =
        Math.min(MOST, settings.map(s -> s.count("dynamic_hd", USUAL_MOST)).orElse(USUAL_MOST));
    this.mean = Viewer.colours(settings, "image_mean", HALF);
    this.deviation = Viewer.colours(settings, "image_std", HALF);
  }

  /** So many squares. */
  private record Grid(int columns, int rows) {}

  @Override
  public int side() {
    return side;
  }

  @Override
  public Cut cut(Picture picture) {
    Grid grid = grid(picture.width(), picture.height());
    int width = grid.columns * side;
    int height = grid.rows * side;
    double across = (double) width / picture.width();
    double down = (double) height / picture.height();
    int usedWidth = across < down ? width : (int) (picture.width() * down);
    int usedHeight = across < down ? (int) (picture.height() * across) : height;
    if (Math.min(usedWidth, usedHeight) < SHORTEST) {
      throw new PhialException.BadInput(
          "expected an image that is not so much longer than wide, found %d × %d"
              .formatted(picture.width(), picture.height()));
    }
    Picture padded = picture.resized(usedWidth, usedHeight).on(width, height, 0, 0);
    return new Cut(
        Pixels.of(padded, mean, deviation),
        (height - (height - usedHeight) / patch * patch) / patch,
        (width - (width - usedWidth) / patch * patch) / patch);
  }

  private Grid grid(int width, int height) {
    Grid covering = new Grid((width + side - 1) / side, (height + side - 1) / side);
    return (long) covering.columns * covering.rows <= most ? covering : nearest(width, height);
  }

  /** Of the grids, fewest squares first, the one of the nearest shape. */
  private Grid nearest(int width, int height) {
    double ratio = (double) width / height;
    Grid best = new Grid(1, 1);
    double least = Double.POSITIVE_INFINITY;
    for (int squares = 1; squares <= most; squares++) {
      for (int columns = 1; columns <= squares; columns++) {
        if (squares % columns != 0) {
          continue;
        }
        Grid grid = new Grid(columns, squares / columns);
        double difference = Math.abs(ratio - (double) grid.columns / grid.rows);
        boolean isLarger = (long) width * height > 0.5 * side * side * squares;
        if (difference < least || difference == least && isLarger) {
          least = difference;
          best = grid;
        }
      }
    }
    return best;
  }

  /** Their mean. */
  @Override
  public float[] merge(float[] four) {
    int hidden = four.length / 4;
    float[] mean = new float[hidden];
    for (int i = 0; i < hidden; i++) {
      mean[i] = (four[i] + four[hidden + i] + four[2 * hidden + i] + four[3 * hidden + i]) / 4;
    }
    return mean;
  }
}
