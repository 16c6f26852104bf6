package dev.phial.engine.calibrate;

import dev.phial.PhialException;
import dev.phial.choose.SmoothQuant;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Taps;
import dev.phial.engine.run.Team;
import dev.phial.graph.DecoderGraph;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.quant.activation.Histogram;
import dev.phial.targets.CalibrationOptions;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntConsumer;

/**
 * Finds the ranges of activations on a text: once for their extremes, and once more for their
 * distribution if the method asks for it.
 */
public final class ActivationCalibration {
  private final Model model;
  private final Team team;
  private final int[] tokens;
  private final int length;
  private final int most;
  private final OptionalInt begin;
  private final CalibrationOptions options;
  private final Set<ActivationPoint> points;

  /**
   * The text is that of {@link Calibration}.
   *
   * @param points to be seen
   * @throws PhialException.Unsupported if the model rounds its activations already
   */
  public ActivationCalibration(
      Model model,
      Team team,
      int[] tokens,
      int length,
      int most,
      OptionalInt begin,
      CalibrationOptions options,
      Set<ActivationPoint> points) {
    if (!model.description().activations().isEmpty()) {
      throw new PhialException.Unsupported(
          "expected a model that computes with what it is given, found one that rounds activations already; calibrate the checkpoint it was made from");
    }
    this.model = model;
    this.team = team;
    this.tokens = tokens;
    this.length = length;
    this.most = most;
    this.begin = begin;
    this.options = options;
    this.points = points;
  }

  /** Tokens to read, every reading counted. */
  public long tokens() {
    return (long) readings() * chunks() * length;
  }

  /** Chunks of the text. */
  public int chunks() {
    return calibration(Taps.NONE).count();
  }

  private int readings() {
    return switch (options.method()) {
      case MINMAX -> 1;
      case PERCENTILE, ENTROPY -> 2;
    };
  }

  private Calibration calibration(Taps taps) {
    Forward forward = new Forward(model, team, Observer.NONE, taps);
    return new Calibration(forward, tokens, length, most, begin);
  }

  private void read(Taps taps, IntConsumer progress) {
    if (points.contains(ActivationPoint.LOGITS)) {
      calibration(taps).runThroughLogits(progress);
    } else {
      calibration(taps).runThroughLastNorm(progress);
    }
  }

  /**
   * Reads the text.
   *
   * @param progress told the number of chunks read just now
   */
  public ActivationRanges run(IntConsumer progress) {
    ChannelRanges channels = new ChannelRanges(points);
    read(channels, progress);
    SortedMap<ActivationPlace, float[]> smoothing =
        options.alpha().isEmpty()
            ? new TreeMap<>()
            : SmoothQuant.factors(
                DecoderGraph.of(model.description()),
                channels.maxima(),
                options.alpha().getAsDouble());
    Map<ActivationPlace, ActivationRange> extremes = channels.ranges(smoothing);
    if (readings() == 1) {
      return new ActivationRanges(new TreeMap<>(extremes), smoothing);
    }
    Distributions distributions = new Distributions(extremes, smoothing);
    read(distributions, progress);
    Map<ActivationPlace, ActivationRange> ranges =
        distributions.ranges(
            switch (options.method()) {
              case PERCENTILE -> histogram -> histogram.percentile(options.percentile());
              case ENTROPY -> Histogram::entropy;
              case MINMAX -> throw new AssertionError("it needs no distribution");
            });
    return new ActivationRanges(new TreeMap<>(ranges), smoothing);
  }
}
