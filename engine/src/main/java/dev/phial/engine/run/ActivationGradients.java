package dev.phial.engine.run;

/** The gradients of what feed-forward layers do between their matrices. */
final class ActivationGradients {
  private ActivationGradients() {}

  /**
   * Of one token.
   *
   * @param x what the first matrix gave, from {@code at}
   * @param outer gradient in what the second reads, {@code [width]} from {@code outerAt}
   * @param inner receives the gradient in {@code x} from {@code innerAt}
   */
  static void of(
      FeedForward.Dense layer,
      float[] x,
      int at,
      float[] outer,
      int outerAt,
      int width,
      float[] inner,
      int innerAt) {
    switch (layer) {
      case FeedForward.Plain plain -> {
        for (int i = 0; i < width; i++) {
          inner[innerAt + i] = outer[outerAt + i] * gelu(x[at + i]);
        }
      }
      case FeedForward.Gated gated -> {
        for (int i = 0; i < width; i++) {
          float g = x[at + i];
          float sigmoid = sigmoid(g);
          float d = outer[outerAt + i];
          inner[innerAt + i] = d * x[at + width + i] * sigmoid * (1 + g * (1 - sigmoid));
          inner[innerAt + width + i] = d * g * sigmoid;
        }
      }
      case FeedForward.Gegelu gegelu -> {
        float limit = gegelu.limit();
        for (int i = 0; i < width; i++) {
          float g = x[at + 2 * i];
          float gate = Math.min(g, limit);
          float linear = x[at + 2 * i + 1];
          float clamped = Math.clamp(linear, -limit, limit);
          float sigmoid = sigmoid(1.702f * gate);
          float d = outer[outerAt + i];
          inner[innerAt + 2 * i] =
              g > limit ? 0 : d * (clamped + 1) * sigmoid * (1 + 1.702f * gate * (1 - sigmoid));
          inner[innerAt + 2 * i + 1] = linear == clamped ? d * gate * sigmoid : 0;
        }
      }
    }
  }

  /**
   * Of one token and an expert, in place: gate and up become the gradients in them.
   *
   * @param outer gradient in what the last matrix reads
   */
  static void gated(
      float[] gate, int at, float[] up, int upAt, float[] outer, int outerAt, int width) {
    for (int i = 0; i < width; i++) {
      float g = gate[at + i];
      float sigmoid = sigmoid(g);
      float d = outer[outerAt + i];
      gate[at + i] = d * up[upAt + i] * sigmoid * (1 + g * (1 - sigmoid));
      up[upAt + i] = d * g * sigmoid;
    }
  }

  private static float sigmoid(float x) {
    return (float) (1 / (1 + Math.exp(-x)));
  }

  /** The derivative of GELU by its tanh formula. */
  private static float gelu(float x) {
    double factor = Math.sqrt(2 / Math.PI);
    double tanh = Math.tanh(factor * (x + 0.044715 * x * x * x));
    return (float)
        (0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * factor * (1 + 3 * 0.044715 * x * x));
  }
}
