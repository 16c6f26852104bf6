package dev.phial.choose;

import static dev.phial.quant.activation.ActivationPoint.ATTENDED;
import static dev.phial.quant.activation.ActivationPoint.ATTENTION_NORM;
import static dev.phial.quant.activation.ActivationPoint.FEED_FORWARD_NORM;
import static dev.phial.quant.activation.ActivationPoint.FEED_FORWARD_PRODUCT;
import static dev.phial.quant.activation.ActivationPoint.OUTPUT_NORM;

import dev.phial.PhialException;
import dev.phial.graph.Attention;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Layer;
import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Rows;
import dev.phial.quant.activation.ActivationPlace;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Makes activations easier to quantize and weights a little harder (<a
 * href="https://arxiv.org/abs/2211.10438">SmoothQuant</a>): what a channel is divided by, the
 * matrices that read it are multiplied by, so that the model computes the same. The division is
 * taken into what makes the channel: a norm, the value projection, the linear half of a gated
 * layer. Nothing can be taken into GELU or into a layer with a limit, and nothing is done before
 * experts.
 */
public final class SmoothQuant {
  /** Factors below it come from channels that are never used. */
  private static final float LEAST = 1e-5f;

  private static final int ROWS = 1 << 18; // numbers read at a time

  private final DecoderGraph decoder;
  private final Hyperparameters h;

  private SmoothQuant(DecoderGraph decoder) {
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
  }

  /**
   * Chooses what to divide activations by: {@code max|x|^alpha / max|w|^(1 - alpha)}. Reads every
   * matrix once.
   *
   * @param maxima of the absolute activations, {@code [channels]}
   * @param alpha from 0, where weights become even, to 1, where activations do
   * @return for the places that can be smoothed and were seen
   */
  public static SortedMap<ActivationPlace, float[]> factors(
      DecoderGraph decoder, Map<ActivationPlace, float[]> maxima, double alpha) {
    return new SmoothQuant(decoder).factors(maxima, alpha);
  }

  /**
   * A model that computes what this one does with activations divided by some of those factors.
   *
   * @throws PhialException.BadInput if factors belong to another model
   */
  public static ModelDescription apply(
      ModelDescription model, Map<ActivationPlace, float[]> factors) {
    return factors.isEmpty()
        ? model
        : new SmoothQuant(DecoderGraph.of(model)).scalings(factors).apply(model);
  }

  // --- choosing

  private SortedMap<ActivationPlace, float[]> factors(
      Map<ActivationPlace, float[]> maxima, double alpha) {
    SortedMap<ActivationPlace, float[]> factors = new TreeMap<>();
    readers()
        .forEach((place, matrices) -> {
          float[] activations = maxima.get(place);
          if (activations != null) {
            factors.put(place, factors(place, activations, matrices, alpha));
          }
        });
    return factors;
  }

  /** The matrices that read each place. */
  private SortedMap<ActivationPlace, List<Linear>> readers() {
    SortedMap<ActivationPlace, List<Linear>> readers = new TreeMap<>();
    for (int i = 0; i < decoder.layers().size(); i++) {
      Layer layer = decoder.layers().get(i);
      Attention attention = layer.attention();
      List<Linear> first =
          new ArrayList<>(List.of(attention.query(), attention.key(), attention.value()));
      readers.put(ATTENTION_NORM.in(i), first);
      readers.put(ATTENDED.in(i), List.of(attention.output()));
      List<Linear> second =
          switch (layer.feedForward()) {
            case FeedForward.Gated gated -> List.of(gated.gate(), gated.up());
            case FeedForward.Plain plain -> List.of(plain.up());
            case FeedForward.Gegelu gegelu -> List.of(gegelu.gateUp());
            case FeedForward.Experts _ -> List.of();
          };
      if (layer.feedForwardNorm().isEmpty()) {
        first.addAll(second);
      } else if (!second.isEmpty()) {
        readers.put(FEED_FORWARD_NORM.in(i), second);
      }
      if (layer.feedForward() instanceof FeedForward.Gated gated) {
        readers.put(FEED_FORWARD_PRODUCT.in(i), List.of(gated.down()));
      }
    }
    readers.put(OUTPUT_NORM.once(), List.of(decoder.output()));
    return readers;
  }

  private float[] factors(
      ActivationPlace place, float[] activations, List<Linear> readers, double alpha) {
    float[] weights = new float[activations.length];
    readers.forEach(reader -> maxima(reader.weight(), weights));
    float[] most = activations.clone();
    if (place.point() == ATTENDED) { // heads of a group read the same values
      spread(most);
      spread(weights);
    }
    float[] factors = new float[most.length];
    for (int i = 0; i < factors.length; i++) {
      double factor = Math.pow(most[i], alpha) / Math.pow(weights[i], 1 - alpha);
      factors[i] =
          most[i] == 0 || weights[i] == 0 || !Double.isFinite(factor)
              ? 1
              : Math.max(LEAST, (float) factor);
    }
    return factors;
  }

  private static void maxima(Matrix matrix, float[] most) {
    int columns = most.length;
    int step = Math.max(1, ROWS / columns);
    float[] values = new float[step * columns];
    for (Rows part : matrix.parts()) {
      for (long row = 0; row < part.count(); row += step) {
        int count = (int) Math.min(step, part.count() - row);
        part.weight().read(part.first() + row, count, values);
        for (int i = 0; i < count; i++) {
          for (int j = 0; j < columns; j++) {
            most[j] = Math.max(most[j], Math.abs(values[i * columns + j]));
          }
        }
      }
    }
  }

  /** Gives each channel of a head the largest value that it has in a head of the same group. */
  private void spread(float[] x) {
    float[] most = new float[h.attention().keyValueSize()];
    for (int i = 0; i < x.length; i++) {
      most[shared(i)] = Math.max(most[shared(i)], x[i]);
    }
    for (int i = 0; i < x.length; i++) {
      x[i] = most[shared(i)];
    }
  }

  /** The channel of the values that a channel of the heads' results is made of. */
  private int shared(int channel) {
    int head = channel / h.attention().headSize();
    return head / (h.attention().heads() / h.attention().keyValueHeads()) * h.attention().headSize()
        + channel % h.attention().headSize();
  }

  // --- applying

  private Scalings scalings(Map<ActivationPlace, float[]> factors) {
    Map<ActivationPlace, List<Linear>> readers = readers();
    Scalings scalings = new Scalings();
    factors.forEach((place, given) -> {
      List<Linear> matrices = readers.getOrDefault(place, List.of());
      check(place, given, matrices);
      matrices.forEach(matrix -> scalings.inputs(matrix, given));
      divide(scalings, place, given);
    });
    return scalings;
  }

  /** Takes the division into what makes the activations. */
  private void divide(Scalings scalings, ActivationPlace place, float[] factors) {
    if (place.equals(OUTPUT_NORM.once())) {
      scalings.outputs(decoder.outputNorm(), inverse(factors));
      return;
    }
    Layer layer = decoder.layers().get(place.layer());
    switch (place.point()) {
      case ATTENTION_NORM -> scalings.outputs(layer.attentionNorm(), inverse(factors));
      case ATTENDED -> scalings.outputs(layer.attention().value(), inverse(values(factors)));
      case FEED_FORWARD_NORM ->
          scalings.outputs(layer.feedForwardNorm().orElseThrow(), inverse(factors));
      case FEED_FORWARD_PRODUCT ->
          scalings.outputs(((FeedForward.Gated) layer.feedForward()).up(), inverse(factors));
      default -> throw new AssertionError(place); // nobody reads it
    }
  }

  private void check(ActivationPlace place, float[] factors, List<Linear> readers) {
    long channels = readers.isEmpty() ? 0 : readers.getFirst().inputs();
    boolean fits = channels == factors.length;
    if (fits && place.point() == ATTENDED) {
      float[] shared = values(factors);
      for (int i = 0; i < factors.length; i++) {
        fits &= factors[i] == shared[shared(i)];
      }
    }
    if (!fits) {
      throw new PhialException.BadInput(
          "smoothing of %s: expected %s, found %d; calibrate this very model"
              .formatted(
                  place,
                  channels == 0
                      ? "none"
                      : "%d factors, the same for heads that share their values"
                          .formatted(channels),
                  factors.length));
    }
  }

  /** Those of the values, which all heads of a group have in common. */
  private float[] values(float[] attended) {
    float[] values = new float[h.attention().keyValueSize()];
    for (int i = 0; i < attended.length; i++) {
      values[shared(i)] = attended[i];
    }
    return values;
  }

  private static float[] inverse(float[] factors) {
    float[] inverse = new float[factors.length];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = 1 / factors[i];
    }
    return inverse;
  }
}
