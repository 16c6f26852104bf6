package dev.phial.conformance;

import tools.jackson.databind.JsonNode;

/** What is asked of logits. */
final class Logits {
  private Logits() {}

  /** Those that a script printed. */
  static float[] of(JsonNode numbers) {
    float[] logits = new float[numbers.size()];
    for (int token = 0; token < logits.length; token++) {
      logits[token] = numbers.get(token).floatValue();
    }
    return logits;
  }

  /** Root mean square of the difference, relative to that of the second. */
  static double distance(float[] found, float[] expected) {
    double difference = 0;
    double sum = 0;
    for (int token = 0; token < expected.length; token++) {
      difference += Math.pow(found[token] - expected[token], 2);
      sum += Math.pow(expected[token], 2);
    }
    return Math.sqrt(difference / sum);
  }

  /** The token with the highest one. */
  static int likeliest(float[] logits) {
    int best = 0;
    for (int token = 0; token < logits.length; token++) {
      best = logits[token] > logits[best] ? token : best;
    }
    return best;
  }
}
