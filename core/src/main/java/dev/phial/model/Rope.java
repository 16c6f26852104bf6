package dev.phial.model;

import dev.phial.PhialException;
import dev.phial.source.Config;
import java.util.List;
import java.util.Optional;

/**
 * What rotary position embedding follows from.
 *
 * @param theta base of the frequencies
 * @param dimensions rotated dimensions of a head
 * @param originalContext longest text the model was trained on before it was stretched
 * @param positionFactor positions are multiplied by it
 */
public record Rope(
    double theta,
    int dimensions,
    int originalContext,
    Optional<LongRope> longRope,
    double positionFactor) {

  Rope(double theta, int dimensions, int originalContext, Optional<LongRope> longRope) {
    this(theta, dimensions, originalContext, longRope, 1);
  }

  /**
   * The settings of config.json, wherever the schema of the day puts them: {@code rope_theta},
   * {@code rope_scaling} and {@code partial_rotary_factor} at the top (transformers 4), or all in
   * {@code rope_parameters} (transformers 5).
   *
   * @param headSize width of a head
   * @param defaultPart share of a head that is rotated when config.json does not say
   * @param defaultOriginal original context when config.json does not say
   */
  static Rope read(
      Config config,
      int heads,
      int headSize,
      double defaultTheta,
      double defaultPart,
      int defaultOriginal) {
    Config scaling =
        config.object("rope_scaling").or(() -> config.object("rope_parameters")).orElse(config);
    double theta = scaling.number("rope_theta", config.number("rope_theta", defaultTheta));
    double part =
        scaling.number(
            "partial_rotary_factor", config.number("partial_rotary_factor", defaultPart));
    check(config, "rope_theta", theta, theta > 0);
    check(config, "partial_rotary_factor", part, part > 0 && part <= 1);
    // as the reference converter rounds it
    int dimensions = (int) (part * ((long) heads * headSize)) / heads;
    int original =
        config
            .optionalCount("original_max_position_embeddings")
            .or(() -> scaling.optionalCount("original_max_position_embeddings"))
            .orElse(defaultOriginal);
    String type = scaling.text("rope_type").or(() -> scaling.text("type")).orElse("default");
    return new Rope(
        theta,
        dimensions,
        original,
        switch (type) {
          case "default" -> Optional.empty();
          case "longrope", "su", "yarn" -> Optional.of(longRope(scaling, dimensions, original));
          default ->
              throw new PhialException.Unsupported(
                  "%s: expected rope type default or longrope, found %s; no Phi checkpoint uses it"
                      .formatted(config.file(), type));
        });
  }

  /** Whether a text of so many tokens has factors of its own, as a long one. */
  public boolean isLong(int tokens) {
    return longRope.isPresent() && tokens > originalContext;
  }

  /** The same, with positions multiplied by a factor. */
  Rope withPositionFactor(double factor) {
    return new Rope(theta, dimensions, originalContext, longRope, factor);
  }

  /**
   * The width of a head: {@code head_dim}, or else the width of the model shared by the heads.
   *
   * @throws PhialException.BadInput if they cannot share it
   */
  static int headSize(Config config, int hidden, int heads) {
    Optional<Integer> said = config.optionalCount("head_dim");
    if (said.isEmpty() && hidden % heads != 0) {
      throw new PhialException.BadInput(
          "%s: expected heads that share the width evenly, or head_dim, found width %d and %d heads"
              .formatted(config.file(), hidden, heads));
    }
    return said.orElse(hidden / heads);
  }

  private static void check(Config config, String field, double value, boolean makesSense) {
    if (!makesSense) {
      throw new PhialException.BadInput(
          "%s: expected a %s that makes sense, found %s".formatted(config.file(), field, value));
    }
  }

  private static LongRope longRope(Config scaling, int dimensions, int original) {
    List<Double> shortFactors = scaling.numbers("short_factor");
    List<Double> longFactors = scaling.numbers("long_factor");
    if (shortFactors.size() != dimensions / 2 || longFactors.size() != dimensions / 2) {
      throw new PhialException.BadInput(
          "%s: expected %d short and long rope factors, found %d and %d"
              .formatted(scaling.file(), dimensions / 2, shortFactors.size(), longFactors.size()));
    }
    Optional<Double> scale =
        number(scaling, "attention_factor")
            .or(() -> number(scaling, "factor").map(factor -> attentionFactor(factor, original)));
    return new LongRope(
        shortFactors,
        longFactors,
        number(scaling, "short_mscale").or(() -> scale),
        number(scaling, "long_mscale").or(() -> scale));
  }

  /** What follows from a stretch: {@code _compute_longrope_parameters} of transformers. */
  static double attentionFactor(double stretch, int original) {
    return stretch > 1 ? Math.sqrt(1 + Math.log(stretch) / Math.log(original)) : 1;
  }

  private static Optional<Double> number(Config config, String key) {
    return config.has(key) ? Optional.of(config.number(key, 0)) : Optional.empty();
  }
}
