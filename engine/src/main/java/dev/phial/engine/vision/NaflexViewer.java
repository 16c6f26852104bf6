package dev.phial.engine.vision;

import dev.phial.PhialException;
import dev.phial.engine.run.VisionEncoder;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Looks at an image as it is, whatever its shape, in as many patches as it has; those of very small
 * and very large ones are brought within bounds (SigLIP2 NaFlex).
 */
final class NaflexViewer implements Viewer {
  private static final int FEWEST = 256;
  private static final int MOST = 3600;
  private static final int BOUND = 1 << 14;
  private static final double PRECISION = 1e-5;
  private static final double LARGEST_SCALE = 100;
  private static final List<Double> HALF = List.of(0.5, 0.5, 0.5);

  private final VisionEncoder encoder;
  private final Vision vision;
  private final int fewest;
  private final int most;
  private final float[] mean;
  private final float[] deviation;

  /**
   * @param settings preprocessor_config.json
   */
  NaflexViewer(VisionEncoder encoder, Folder folder, Optional<Config> settings) {
    this.encoder = encoder;
    this.vision = encoder.vision();
    this.fewest = bound(folder, settings, "min_num_patches", FEWEST);
    this.most = Math.max(fewest, bound(folder, settings, "max_num_patches", MOST));
    this.mean = Viewer.colours(settings, "image_mean", HALF);
    this.deviation = Viewer.colours(settings, "image_std", HALF);
  }

  private static int bound(Folder folder, Optional<Config> settings, String key, int usual) {
    int found =
        settings
            .flatMap(config -> config.optionalCount(key))
            .or(() -> folder.config().optionalCount(key))
            .orElse(usual);
    return Math.min(found, BOUND);
  }

  @Override
  public VisionKind kind() {
    return vision.kind();
  }

  @Override
  public float[] look(Picture picture) {
    int patch = vision.patch();
    long own = (long) (picture.width() / patch) * (picture.height() / patch);
    int wanted = Math.clamp(own, fewest, most);
    double scale = scale(picture, wanted);
    int rows = patches(picture.height(), scale);
    int columns = patches(picture.width(), scale);
    if ((long) rows * columns > most) {
      throw new PhialException.BadInput(
          "expected an image that is not so much longer than wide, found %d × %d"
              .formatted(picture.width(), picture.height()));
    }
    Pixels pixels = Pixels.of(picture.resized(columns * patch, rows * patch), mean, deviation);
    int count = rows * columns;
    boolean[] isSeen = new boolean[count];
    Arrays.fill(isSeen, true);
    float[] seen =
        encoder.encode(pixels.patches(patch, false), count, places(rows, columns), isSeen);
    return encoder.project(seen, count);
  }

  private float[] places(int rows, int columns) {
    return Resampling.apply(
        Resampling.triangle(vision.side(), rows),
        Resampling.triangle(vision.side(), columns),
        encoder.positions(),
        vision.side(),
        vision.side(),
        vision.hidden());
  }

  /** The largest that makes at most so many patches (get_image_size_for_max_num_patches). */
  private double scale(Picture picture, int wanted) {
    double low = PRECISION / 10;
    double high = LARGEST_SCALE;
    while (high - low >= PRECISION) {
      double middle = (low + high) / 2;
      long count = (long) patches(picture.height(), middle) * patches(picture.width(), middle);
      if (count <= wanted) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private int patches(int pixels, double scale) {
    return (int) Math.max(1, Math.ceil(pixels * scale / vision.patch()));
  }
}
