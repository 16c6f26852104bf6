package dev.phial.graph;

import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.Phi3SmallSettings;
import java.util.Optional;

/**
 * Cosines and sines of rotary embedding, in the single precision in which transformers computes
 * them.
 *
 * @param frequencies radians per position, {@code [rotary dimensions / 2]}
 * @param positionFactor positions are multiplied by it
 * @param scale on both cosine and sine
 */
public record RotaryCache(float[] frequencies, float positionFactor, float scale) {

  /** For models without LongRoPE. */
  public static RotaryCache plain(Hyperparameters h) {
    return new RotaryCache(frequencies(h, Optional.empty()), positionFactor(h), 1);
  }

  /** For texts up to the original context. */
  public static RotaryCache shortTexts(Hyperparameters h, LongRope rope) {
    return new RotaryCache(
        frequencies(h, Optional.of(rope.shortFactors())),
        positionFactor(h),
        (float) (double) rope.shortScale().orElse(h.attentionFactor()));
  }

  /** For longer texts. */
  public static RotaryCache longTexts(Hyperparameters h, LongRope rope) {
    return new RotaryCache(
        frequencies(h, Optional.of(rope.longFactors())),
        positionFactor(h),
        (float) (double) rope.longScale().orElse(h.attentionFactor()));
  }

  private static float positionFactor(Hyperparameters h) {
    return (float) (double) h.small().map(Phi3SmallSettings::positionFactor).orElse(1.0);
  }

  private static float[] frequencies(Hyperparameters h, Optional<java.util.List<Double>> factors) {
    float[] frequencies = wavelengths(h);
    for (int i = 0; i < frequencies.length; i++) {
      float factor = factors.isPresent() ? (float) (double) factors.get().get(i) : 1;
      frequencies[i] = 1 / (factor * frequencies[i]);
    }
    return frequencies;
  }

  /** Positions per radian, before any factor: {@code [rotary dimensions / 2]}. */
  public static float[] wavelengths(Hyperparameters h) {
    float[] wavelengths = new float[h.ropeDimensions() / 2];
    for (int i = 0; i < wavelengths.length; i++) {
      float exponent = (float) (2 * i) / h.ropeDimensions();
      wavelengths[i] = (float) Math.pow(h.ropeTheta(), exponent);
    }
    return wavelengths;
  }

  public int columns() {
    return frequencies.length;
  }

  public float cosine(int position, int column) {
    return (float) (Math.cos(angle(position, column)) * scale);
  }

  public float sine(int position, int column) {
    return (float) (Math.sin(angle(position, column)) * scale);
  }

  private float angle(int position, int column) {
    return position * positionFactor * frequencies[column];
  }
}
