package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.quant.activation.RangeMethod;
import dev.phial.source.ActivationRangesFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * Where the ranges of activations come from: a file, or a text that the model reads. Names are
 * those of ONNX Runtime's quantizer.
 *
 * @param ranges a file that holds them; then nothing is read
 * @param percentile of {@link RangeMethod#PERCENTILE}
 * @param alpha of SmoothQuant; empty for none
 * @param chunks of the text at most; empty for all
 * @param context tokens of a chunk
 */
public record CalibrationOptions(
    Optional<Path> ranges,
    RangeMethod method,
    double percentile,
    OptionalDouble alpha,
    Optional<Path> text,
    OptionalInt chunks,
    OptionalInt context) {
  /** Why nothing can be written yet. */
  public static final String LACKING =
      "these integers need the ranges of activations; pass --ranges FILE, which phial calibrate --ranges writes";

  private static final String RANGES = "ranges";
  public static final String METHOD = "calibrate-method";
  public static final String PERCENTILE = "percentile";
  public static final String ALPHA = "smooth-quant-alpha";
  public static final String TEXT = "calibration-text";
  public static final String CHUNKS = "calibration-chunks";
  public static final String CONTEXT = "calibration-context";

  private static final String NONE = "none";

  /** What SmoothQuant's authors take for Mistral's models, whose layers are like those of Phi-3. */
  private static final double USUAL_ALPHA = 0.8;

  public static final List<TargetOption> ALL =
      List.of(
          TargetOption.value(
              RANGES, "FILE", "Activation ranges that phial calibrate --ranges wrote."),
          TargetOption.value(
              METHOD,
              "METHOD",
              "How the ranges of activations are chosen: minmax (default), percentile or entropy."),
          TargetOption.value(
              PERCENTILE, "P", "Percent of all activations that their range holds; 99.999."),
          TargetOption.value(
              ALPHA,
              "A",
              "How much of the spread of activations goes into the weights (SmoothQuant): 0 to 1, or none; 0.8 by default."),
          TargetOption.value(
              TEXT, "FILE", "The text that the model reads for it; Shakespeare by default."),
          TargetOption.value(CHUNKS, "N", "How many pieces of it; all by default."),
          TargetOption.value(CONTEXT, "N", "Tokens of such a piece; 512 by default."));

  /**
   * @throws PhialException.Usage if values make no sense, or contradict each other
   */
  public static CalibrationOptions of(Options options) {
    CalibrationOptions result =
        new CalibrationOptions(
            options.value(RANGES).map(Path::of),
            options.value(METHOD).map(RangeMethod::named).orElse(RangeMethod.MINMAX),
            number(options, PERCENTILE, 100).orElse(RangeMethod.USUAL_PERCENTILE),
            alpha(options),
            options.value(TEXT).map(Path::of),
            count(options, CHUNKS),
            count(options, CONTEXT));
    if (result.ranges.isPresent()) {
      for (TargetOption option : ALL) {
        if (!option.name().equals(RANGES) && options.has(option.name())) {
          throw new PhialException.Usage(
              "--%s: expected no file of ranges, which are chosen already; omit --%s or this"
                  .formatted(option.name(), RANGES));
        }
      }
    }
    if (options.has(PERCENTILE) && result.method != RangeMethod.PERCENTILE) {
      throw new PhialException.Usage(
          "--%s: expected --%s percentile, found %s"
              .formatted(PERCENTILE, METHOD, result.method.label()));
    }
    return result;
  }

  /** What was handed over to a target, or what lies in the file that was named. */
  public static Optional<ActivationRanges> known(Request request) {
    return request.ranges().or(() -> of(request.options()).ranges.map(ActivationRangesFile::read));
  }

  /** Whether a target that has to know ranges was neither given any nor a file of them. */
  public static boolean areLacking(Request request) {
    return request.ranges().isEmpty() && of(request.options()).ranges.isEmpty();
  }

  /**
   * The ranges for a target that rounds more than the inputs of matrices, which smoothing does not
   * reach.
   *
   * @param who asks for them, for the message
   * @throws PhialException.Usage if there was smoothing
   */
  public static Optional<ActivationRanges> unsmoothed(Request request, String who) {
    if (request.options().has(ALPHA) && of(request.options()).alpha.isPresent()) {
      throw new PhialException.Usage(
          "--%s is for onnx:w8a8, which rounds the inputs of matrices alone; omit it with %s"
              .formatted(ALPHA, who));
    }
    Optional<ActivationRanges> ranges = known(request);
    if (ranges.isPresent() && !ranges.get().smoothing().isEmpty()) {
      throw new PhialException.Usage(
          "%s: expected ranges without smoothing, which does not reach what lies between matrices, found some with; calibrate with --%s none"
              .formatted(who, ALPHA));
    }
    return ranges;
  }

  /** These options without SmoothQuant. */
  public CalibrationOptions withoutSmoothing() {
    return new CalibrationOptions(
        ranges, method, percentile, OptionalDouble.empty(), text, chunks, context);
  }

  private static OptionalDouble alpha(Options options) {
    if (options.value(ALPHA).filter(NONE::equals).isPresent()) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(number(options, ALPHA, 1).orElse(USUAL_ALPHA));
  }

  private static OptionalDouble number(Options options, String name, int most) {
    Optional<String> text = options.value(name);
    if (text.isEmpty()) {
      return OptionalDouble.empty();
    }
    double value =
        text.get().matches("\\d{1,3}(\\.\\d{1,9})?") ? Double.parseDouble(text.get()) : -1;
    if (value < 0 || value > most) {
      throw new PhialException.Usage(
          "--%s: expected a number from 0 to %d, found %s".formatted(name, most, text.get()));
    }
    return OptionalDouble.of(value);
  }

  private static OptionalInt count(Options options, String name) {
    Optional<String> text = options.value(name);
    if (text.isEmpty()) {
      return OptionalInt.empty();
    }
    if (!text.get().matches("[1-9]\\d{0,8}")) {
      throw new PhialException.Usage(
          "--%s: expected a number above 0, found %s".formatted(name, text.get()));
    }
    return OptionalInt.of(Integer.parseInt(text.get()));
  }
}
