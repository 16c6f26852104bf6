package dev.phial.model;

import java.util.List;
import java.util.Optional;

/**
 * Cosines and sines of rotary position embedding, computed in single precision step by step as
 * transformers does ({@code modeling_rope_utils.py}): angles of far positions depend on every
 * rounding.
 *
 * @param frequencies radians per position, {@code [rotary dimensions / 2]}
 * @param positionFactor positions are multiplied by it
 * @param scale on both cosine and sine: the attention factor of LongRoPE
 */
public record Rotary(float[] frequencies, float positionFactor, float scale) {

  /**
   * Of a model.
   *
   * @param isLong whether the text is longer than what the model was first trained on: LongRoPE has
   *     factors of its own for it
   */
  public static Rotary of(Hyperparameters h, boolean isLong) {
    Optional<LongRope> rope = h.rope().longRope();
    Optional<List<Double>> factors =
        rope.map(stretch -> isLong ? stretch.longFactors() : stretch.shortFactors());
    float[] frequencies = wavelengths(h);
    for (int i = 0; i < frequencies.length; i++) {
      float factor = factors.isPresent() ? factors.get().get(i).floatValue() : 1;
      frequencies[i] = 1 / (factor * frequencies[i]);
    }
    double scale =
        rope.map(stretch ->
                (isLong ? stretch.longScale() : stretch.shortScale()).orElse(h.attentionFactor()))
            .orElse(1.0);
    return new Rotary(frequencies, (float) h.rope().positionFactor(), (float) scale);
  }

  /** Of a whole text of so many tokens. */
  public static Rotary ofText(Hyperparameters h, int tokens) {
    return of(h, h.rope().isLong(tokens));
  }

  /** Positions per radian, before any factor: {@code [rotary dimensions / 2]}. */
  public static float[] wavelengths(Hyperparameters h) {
    float[] wavelengths = new float[h.rope().dimensions() / 2];
    for (int i = 0; i < wavelengths.length; i++) {
      float exponent = (float) (2 * i) / h.rope().dimensions();
      wavelengths[i] = (float) Math.pow(h.rope().theta(), exponent);
    }
    return wavelengths;
  }

  public int columns() {
    return frequencies.length;
  }

  public float cosine(int position, int column) {
    return (float) Math.cos(angle(position, column)) * scale;
  }

  public float sine(int position, int column) {
    return (float) Math.sin(angle(position, column)) * scale;
  }

  private float angle(int position, int column) {
    return position * positionFactor * frequencies[column];
  }
}
