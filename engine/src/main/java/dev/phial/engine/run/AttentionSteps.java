package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;
import dev.phial.quant.activation.ActivationPoint;

/**
 * Attention one operator at a time, each shown before the next: as a graph computes it whose
 * activations are rounded everywhere. Queries are scaled when they are rotated.
 */
final class AttentionSteps {
  private final Taps taps;
  private final int layer;
  private final int headSize;
  private final float scale;

  AttentionSteps(Taps taps, int layer, int headSize, float scale) {
    this.taps = taps;
    this.layer = layer;
    this.headSize = headSize;
    this.scale = scale;
  }

  /** Rotates and scales a head of a query in place. */
  void rotateQuery(float[] values, int at, RotaryTable table, int token) {
    rotate(
        values,
        at,
        table,
        token,
        scale,
        ActivationPoint.QUERY_ROTATION,
        ActivationPoint.QUERY_COSINE,
        ActivationPoint.QUERY_SINE);
    taps.flow(ActivationPoint.ROTATED_QUERY.in(layer), values, at, headSize);
  }

  /** Rotates a head of a key in place. */
  void rotateKey(float[] values, int at, RotaryTable table, int token) {
    rotate(
        values,
        at,
        table,
        token,
        1,
        ActivationPoint.KEY_ROTATION,
        ActivationPoint.KEY_COSINE,
        ActivationPoint.KEY_SINE);
    taps.flow(ActivationPoint.ROTATED_KEY.in(layer), values, at, headSize);
    taps.flow(ActivationPoint.CACHED_KEY.in(layer), values, at, headSize);
  }

  void value(float[] values, int at) {
    taps.flow(ActivationPoint.CACHED_VALUE.in(layer), values, at, headSize);
  }

  private void rotate(
      float[] values,
      int at,
      RotaryTable table,
      int token,
      float factor,
      ActivationPoint rotation,
      ActivationPoint cosine,
      ActivationPoint sine) {
    int half = table.half();
    float[] cosines = new float[headSize];
    float[] sines = new float[headSize];
    java.util.Arrays.fill(cosines, 2 * half, headSize, factor);
    for (int i = 0; i < half; i++) {
      float cos = table.cos()[token * half + i] * factor;
      float sin = table.sin()[token * half + i] * factor;
      cosines[i] = cos;
      cosines[half + i] = cos;
      sines[i] = -sin;
      sines[half + i] = sin;
    }
    taps.flow(rotation.once(), cosines, 0, headSize);
    taps.flow(rotation.once(), sines, 0, headSize);
    for (int i = 0; i < headSize; i++) {
      int other = i < half ? i + half : i < 2 * half ? i - half : i;
      sines[i] *= values[at + other];
      cosines[i] *= values[at + i];
    }
    taps.flow(cosine.in(layer), cosines, 0, headSize);
    taps.flow(sine.in(layer), sines, 0, headSize);
    for (int i = 0; i < headSize; i++) {
      values[at + i] = cosines[i] + sines[i];
    }
  }

  /** The shares of scores in place, {@code count} of them. */
  void softmax(MatrixKernels kernels, float[] scores, int at, int count) {
    taps.flow(ActivationPoint.SCORES.in(layer), scores, at, count);
    taps.flow(ActivationPoint.MASKED_SCORES.in(layer), scores, at, count);
    kernels.softmax(scores, at, count, 1);
    taps.flow(ActivationPoint.PROBABILITIES.in(layer), scores, at, count);
  }
}
