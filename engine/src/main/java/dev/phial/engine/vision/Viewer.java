package dev.phial.engine.vision;

import dev.phial.PhialException;
import dev.phial.engine.run.Team;
import dev.phial.engine.run.VisionEncoder;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.source.Checkpoint;
import dev.phial.source.Config;
import java.util.List;
import java.util.Optional;

/** What a model sees in an image: rows of numbers that it reads in the place of tokens. */
public interface Viewer {
  /**
   * The viewer of a checkpoint.
   *
   * @throws PhialException.Unsupported if the model does not see
   * @throws PhialException.BadInput if its encoder is damaged
   */
  static Viewer of(Checkpoint checkpoint, Team team) {
    Vision vision =
        Vision.of(checkpoint)
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s: expected a model that sees, in the layout of the hub, found none: Phi-3-vision, Phi-3.5-vision, Phi-4-multimodal and Phi-4-reasoning-vision do"
                        .formatted(checkpoint.path())));
    VisionEncoder encoder = new VisionEncoder(vision, team);
    Optional<Config> settings =
        checkpoint.folder().flatMap(folder -> folder.json("preprocessor_config.json"));
    return switch (vision.kind()) {
      case CLIP -> new SquaresViewer(encoder, new StretchedSquares(vision, settings));
      case SIGLIP -> new SquaresViewer(encoder, new PaddedSquares(vision, settings));
      case NAFLEX -> new NaflexViewer(encoder, checkpoint.folder().orElseThrow(), settings);
    };
  }

  /** How it looks. */
  VisionKind kind();

  /**
   * Looks at an image.
   *
   * @return {@code [rows][width of the text model]}
   * @throws PhialException.BadInput if it has a shape that the model does not take
   */
  float[] look(Picture picture);

  /** Three numbers of a field, or the usual ones. */
  static float[] colours(Optional<Config> settings, String key, List<Double> usual) {
    List<Double> found = settings.map(config -> config.numbers(key)).orElse(List.of());
    if (!found.isEmpty() && found.size() != Picture.CHANNELS) {
      throw new PhialException.BadInput(
          "%s: expected three numbers in field %s, found %d"
              .formatted(settings.orElseThrow().file(), key, found.size()));
    }
    float[] colours = new float[Picture.CHANNELS];
    for (int i = 0; i < colours.length; i++) {
      colours[i] = (found.isEmpty() ? usual : found).get(i).floatValue();
    }
    return colours;
  }
}
