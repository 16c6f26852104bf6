package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/**
 * The encoder of Phi-3-vision and Phi-3.5-vision as runtimes take it, which cut images into squares
 * by themselves and know but one size of it.
 */
public final class Clip {
  public static final String PREPROCESSOR = "preprocessor_config.json";

  private static final int SIDE = 24;
  private static final int PATCH = 14;
  private static final int WIDTH = 1024;

  /** What the text model alone would say otherwise. */
  private static final List<String> OF_ALL = List.of("architectures", "model_type");

  private Clip() {}

  /**
   * The encoder that goes with a model, if it has one of this kind, and it is not to be left out.
   *
   * @param runtime that will run it
   * @throws PhialException.Unsupported if the runtime takes those of another size, or nothing tells
   *     what becomes of an image
   * @throws PhialException.BadInput if it is damaged
   */
  public static Optional<Vision> of(Request request, String runtime) {
    Optional<Vision> vision = request.vision().filter(found -> found.kind() == VisionKind.CLIP);
    vision.ifPresent(found -> {
      Folder folder = request.checkpoint().folder().orElseThrow();
      check(folder, found, runtime);
      preprocessor(folder);
    });
    return vision;
  }

  private static void check(Folder folder, Vision vision, String runtime) {
    if (vision.side() != SIDE || vision.patch() != PATCH || vision.hidden() != WIDTH) {
      throw new PhialException.Unsupported(
          "%s: %s runs encoders of %d × %d patches of %d pixels, %d numbers wide, this one has %d × %d of %d, %d wide; pass --%s"
              .formatted(
                  folder.path(),
                  runtime,
                  SIDE,
                  SIDE,
                  PATCH,
                  WIDTH,
                  vision.side(),
                  vision.side(),
                  vision.patch(),
                  vision.hidden(),
                  Request.TEXT_ONLY.name()),
          "runs no encoders of this size; --%s leaves it out".formatted(Request.TEXT_ONLY.name()));
    }
  }

  /**
   * config.json of all of the model, with what is known of the text model, and nothing of how
   * weights were quantized.
   *
   * @param folder that describes the text model
   */
  public static ObjectNode config(Folder folder) {
    ObjectNode config = folder.plainConfig();
    folder
        .json("config.json")
        .orElseThrow()
        .json()
        .properties()
        .forEach(entry -> {
          boolean isOfText = config.has(entry.getKey()) && !OF_ALL.contains(entry.getKey());
          if (!isOfText && !Folder.QUANTIZATION.contains(entry.getKey())) {
            config.set(entry.getKey(), entry.getValue());
          }
        });
    return config;
  }

  /** What a runtime does to images that the reference does not. */
  public static String caveat(String runtime) {
    return "%s makes images smaller by filters of its own; the model sees a little else than the reference lets it see"
        .formatted(runtime);
  }

  /** What tells what becomes of an image. */
  public static Config preprocessor(Folder folder) {
    return folder
        .json(PREPROCESSOR)
        .orElseThrow(() ->
            new PhialException.Unsupported(
                "%s: expected %s, which tells what becomes of an image, found none; download it again, or pass --%s"
                    .formatted(folder.path(), PREPROCESSOR, Request.TEXT_ONLY.name()),
                "needs %s, or --%s".formatted(PREPROCESSOR, Request.TEXT_ONLY.name())));
  }
}
