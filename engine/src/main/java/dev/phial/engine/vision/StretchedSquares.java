package dev.phial.engine.vision;

import dev.phial.PhialException;
import dev.phial.model.Vision;
import dev.phial.source.Config;
import java.util.List;
import java.util.Optional;

/**
 * Phi-3-vision's squares: as large as their number allows, white above and below (HD transform).
 */
final class StretchedSquares implements Squares {
  private static final int USUAL_MOST = 16;
  private static final int MOST = 64;
  private static final List<Double> MEAN = List.of(0.48145466, 0.4578275, 0.40821073);
  private static final List<Double> DEVIATION = List.of(0.26862954, 0.26130258, 0.27577711);

  private final int side;
  private final int patch;
  private final int most;
  private final float[] mean;
  private final float[] deviation;

  /**
   * @param settings preprocessor_config.json
   */
  StretchedSquares(Vision vision, Optional<Config> settings) {
    this.patch = vision.patch();
    this.side = vision.side() * patch;
    this.most =
        Math.min(MOST, settings.map(s -> s.count("num_crops", USUAL_MOST)).orElse(USUAL_MOST));
    this.mean = Viewer.colours(settings, "image_mean", MEAN);
    this.deviation = Viewer.colours(settings, "image_std", DEVIATION);
  }

  @Override
  public int side() {
    return side;
  }

  @Override
  public Cut cut(Picture picture) {
    boolean isTall = picture.width() < picture.height();
    Picture wide = isTall ? picture.transposed() : picture;
    double ratio = (double) wide.width() / wide.height();
    int scale = 1;
    while (scale * Math.ceil(scale / ratio) <= most) {
      scale++;
    }
    int width = (scale - 1) * side;
    int height = (int) (width / ratio);
    if (height < 1) {
      throw new PhialException.BadInput(
          "expected an image less than %d times as long as wide, found %d × %d"
              .formatted(width, picture.width(), picture.height()));
    }
    int squares = (height + side - 1) / side * side;
    Picture padded = wide.resized(width, height).on(width, squares, (squares - height) / 2, 0);
    Pixels pixels = Pixels.of(isTall ? padded.transposed() : padded, mean, deviation);
    return new Cut(pixels, pixels.height() / patch, pixels.width() / patch);
  }

  /** All four, one after the other. */
  @Override
  public float[] merge(float[] four) {
    return four;
  }
}
