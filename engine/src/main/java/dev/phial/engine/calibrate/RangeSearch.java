package dev.phial.engine.calibrate;

import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.text.DefaultText;
import dev.phial.engine.tokenizer.SpecialTokens;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.io.Progress;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Checkpoint;
import dev.phial.source.TextFile;
import dev.phial.targets.CalibrationOptions;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Lets a model read a text, to learn the ranges of its activations. */
public final class RangeSearch {
  /** As of llama-imatrix. */
  public static final int USUAL_CONTEXT = 512;

  private final Checkpoint checkpoint;
  private final ModelDescription description;
  private final CalibrationOptions options;
  private final Set<ActivationPoint> points;

  /**
   * @param points to be seen
   */
  public RangeSearch(
      Checkpoint checkpoint,
      ModelDescription description,
      CalibrationOptions options,
      Set<ActivationPoint> points) {
    this.checkpoint = checkpoint;
    this.description = description;
    this.options = options;
    this.points = points;
  }

  /**
   * What was found.
   *
   * @param chunks of the text
   * @param context tokens of each
   */
  public record Result(ActivationRanges ranges, int chunks, int context) {}

  /**
   * Does it.
   *
   * @throws dev.phial.PhialException if the text cannot be read, or is shorter than a context
   */
  public Result run(int threads, Progress progress) {
    String words = options.text().map(TextFile::read).orElseGet(DefaultText.CALIBRATION::read);
    Tokenizer tokenizer = Tokenizer.of(checkpoint);
    SpecialTokens special = tokenizer.special();
    int context =
        options.context().orElse(Math.min(USUAL_CONTEXT, description.hyperparameters().context()));
    try (Team team = new Team(threads)) {
      ActivationCalibration calibration =
          new ActivationCalibration(
              Model.of(description),
              team,
              special.precede(tokenizer.encode(words, false).ids()),
              context,
              options.chunks().orElse(Integer.MAX_VALUE),
              special.addedBegin(),
              options,
              points);
      try (Progress.Stage stage = progress.begin(Progress.Unit.TOKENS, calibration.tokens())) {
        ActivationRanges ranges =
            calibration.run(read -> stage.advance("reading the text", (long) read * context));
        return new Result(ranges, calibration.chunks(), context);
      }
    }
  }

  /** How ranges came about, for display. */
  public Map<String, Object> origin(Result result) {
    Map<String, Object> origin = new LinkedHashMap<>();
    origin.put("method", options.method().label());
    switch (options.method()) {
      case PERCENTILE -> origin.put("percentile", options.percentile());
      case MINMAX, ENTROPY -> {}
    }
    options.alpha().ifPresent(alpha -> origin.put("smooth_quant_alpha", alpha));
    origin.put("dataset", dataset());
    origin.put("chunks", result.chunks);
    origin.put("context", result.context);
    return origin;
  }

  /** What the text is called. */
  public String dataset() {
    return options.text().map(Path::toString).orElse(DefaultText.CALIBRATION.file());
  }
}
