package dev.phial.engine.run;

import dev.phial.model.Rotary;

/** Cosines and sines of consecutive positions, {@code [positions][half]}. */
record RotaryTable(int half, float[] cos, float[] sin) {

  /** Of {@code count} positions from {@code first}. */
  static RotaryTable of(Rotary rotary, int first, int count) {
    int half = rotary.columns();
    float[] cos = new float[count * half];
    float[] sin = new float[count * half];
    for (int i = 0; i < count; i++) {
      for (int k = 0; k < half; k++) {
        cos[i * half + k] = rotary.cosine(first + i, k);
        sin[i * half + k] = rotary.sine(first + i, k);
      }
    }
    return new RotaryTable(half, cos, sin);
  }
}
