package dev.phial.graph;

import static dev.phial.graph.Scaling.ONES;
import static dev.phial.quant.activation.ActivationPoint.ATTENDED;
import static dev.phial.quant.activation.ActivationPoint.ATTENTION_NORM;
import static dev.phial.quant.activation.ActivationPoint.FEED_FORWARD_NORM;
import static dev.phial.quant.activation.ActivationPoint.FEED_FORWARD_PRODUCT;
import static dev.phial.quant.activation.ActivationPoint.OUTPUT_NORM;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.quant.activation.ActivationPlace;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
   * The same decoder with activations divided by some of those factors.
   *
   * @throws PhialException.BadInput if factors belong to another model
   */
  public static DecoderGraph apply(DecoderGraph decoder, Map<ActivationPlace, float[]> factors) {
    return factors.isEmpty() ? decoder : new SmoothQuant(decoder).apply(factors);
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
    for (Matrix.Rows part : matrix.parts()) {
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
    float[] most = new float[h.keyValueSize()];
    for (int i = 0; i < x.length; i++) {
      most[shared(i)] = Math.max(most[shared(i)], x[i]);
    }
    for (int i = 0; i < x.length; i++) {
      x[i] = most[shared(i)];
    }
  }

  /** The channel of the values that a channel of the heads' results is made of. */
  private int shared(int channel) {
    int head = channel / h.headSize();
    return head / (h.heads() / h.keyValueHeads()) * h.headSize() + channel % h.headSize();
  }

  // --- applying

  private DecoderGraph apply(Map<ActivationPlace, float[]> factors) {
    Map<ActivationPlace, List<Linear>> readers = readers();
    factors.forEach((place, given) -> check(place, given, readers.getOrDefault(place, List.of())));
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < decoder.layers().size(); i++) {
      layers.add(layer(decoder.layers().get(i), i, factors));
    }
    float[] last = factors.getOrDefault(OUTPUT_NORM.once(), ONES);
    return new DecoderGraph(
        h,
        decoder.embedding(),
        layers,
        decoder.outputNorm().scaled(inverse(last)),
        decoder.output().scaled(ONES, last));
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

  private Layer layer(Layer layer, int index, Map<ActivationPlace, float[]> factors) {
    float[] first = factors.getOrDefault(ATTENTION_NORM.in(index), ONES);
    float[] attended = factors.getOrDefault(ATTENDED.in(index), ONES);
    float[] second =
        layer.feedForwardNorm().isEmpty()
            ? first
            : factors.getOrDefault(FEED_FORWARD_NORM.in(index), ONES);
    float[] product = factors.getOrDefault(FEED_FORWARD_PRODUCT.in(index), ONES);
    Attention attention = layer.attention();
    Optional<Norm> feedForwardNorm =
        layer.feedForwardNorm().map(norm -> norm.scaled(inverse(second)));
    return new Layer(
        layer.attentionNorm().scaled(inverse(first)),
        new Attention(
            attention.query().scaled(ONES, first),
            attention.key().scaled(ONES, first),
            attention.value().scaled(inverse(values(attended)), first),
            attention.output().scaled(ONES, attended),
            attention.scale(),
            attention.blocks()),
        feedForwardNorm,
        switch (layer.feedForward()) {
          case FeedForward.Gated gated ->
              new FeedForward.Gated(
                  gated.gate().scaled(ONES, second),
                  gated.up().scaled(inverse(product), second),
                  gated.down().scaled(ONES, product));
          case FeedForward.Plain plain ->
              new FeedForward.Plain(plain.up().scaled(ONES, second), plain.down());
          case FeedForward.Gegelu gegelu ->
              new FeedForward.Gegelu(
                  gegelu.gateUp().scaled(ONES, second), gegelu.down(), gegelu.limit());
          case FeedForward.Experts experts -> experts;
        });
  }

  /** Those of the values, which all heads of a group have in common. */
  private float[] values(float[] attended) {
    if (attended.length == 0) {
      return attended;
    }
    float[] values = new float[h.keyValueSize()];
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
