package dev.phial.engine.run;

import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.Phi3SmallSettings;
import java.util.List;
import java.util.Optional;

/**
 * Rotary position embedding, computed in single precision step by step as transformers does ({@code
 * modeling_rope_utils.py}): angles of far positions depend on every rounding.
 *
 * @param frequencies {@code [rotated dimensions / 2]}
 * @param positionFactor positions are multiplied by it
 * @param scale queries and keys are multiplied by it: the attention factor of LongRoPE
 */
record Rotary(float[] frequencies, float positionFactor, float scale) {

  /** Cosines and sines of consecutive positions, {@code [positions][half]}. */
  record Table(int half, float[] cos, float[] sin) {}

  /**
   * @param isLong whether the text is longer than what the model was first trained on
   */
  static Rotary of(Hyperparameters h, boolean isLong) {
    int half = h.ropeDimensions() / 2;
    Optional<List<Double>> factors =
        h.longRope().map(rope -> isLong ? rope.longFactors() : rope.shortFactors());
    float[] frequencies = new float[half];
    for (int i = 0; i < half; i++) {
      float power = (float) Math.pow((float) h.ropeTheta(), 2f * i / h.ropeDimensions());
      float factor = factors.isPresent() ? factors.get().get(i).floatValue() : 1;
      frequencies[i] = 1 / (factor * power);
    }
    float scale = (float) (double) h.longRope().map(rope -> scale(h, rope, isLong)).orElse(1.0);
    float position = (float) (double) h.small().map(Phi3SmallSettings::positionFactor).orElse(1.0);
    return new Rotary(frequencies, position, scale);
  }

  /** Of a whole text of so many tokens. */
  static Rotary ofText(Hyperparameters h, int tokens) {
    return of(h, h.longRope().isPresent() && tokens > h.originalContext());
  }

  private static double scale(Hyperparameters h, LongRope rope, boolean isLong) {
    return (isLong ? rope.longScale() : rope.shortScale()).orElse(h.attentionFactor());
  }

  /** Of {@code count} positions from {@code first}. */
  Table table(int first, int count) {
    int half = frequencies.length;
    float[] cos = new float[count * half];
    float[] sin = new float[count * half];
    for (int i = 0; i < count; i++) {
      float position = (first + i) * positionFactor;
      for (int k = 0; k < half; k++) {
        float angle = position * frequencies[k];
        cos[i * half + k] = (float) Math.cos(angle) * scale;
        sin[i * half + k] = (float) Math.sin(angle) * scale;
      }
    }
    return new Table(half, cos, sin);
  }
}
