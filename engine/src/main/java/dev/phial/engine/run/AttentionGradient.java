package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;
import java.util.Arrays;

/** The gradient of attention in its projections, of a whole text. */
final class AttentionGradient {
  private final Attention attention;
  private final int size;

  AttentionGradient(Attention attention) {
    this.attention = attention;
    this.size = attention.headSize();
  }

  /**
   * Computes it.
   *
   * @param rotated {@code [tokens][queries, keys, values]}, queries and keys rotated
   * @param outer gradient in what attention gives, {@code [tokens][heads * headSize]}
   * @param inner receives the gradient in the projections before rotation, laid out as these
   */
  void run(
      Activations rotated, Activations outer, Activations inner, RotaryTable table, Team team) {
    inner.resize(rotated.count());
    Arrays.fill(inner.values(), 0);
    team.forEach(
        attention.keyValueHeads(),
        head -> {
          float[] scratch = new float[2 * rotated.count()];
          for (int i = 0; i < attention.group(); i++) {
            run(head, head * attention.group() + i, rotated, outer, inner, scratch, team.kernels());
          }
          for (int token = 0; token < rotated.count(); token++) {
            int row = inner.row(token);
            for (int i = 0; i < attention.group(); i++) {
              turnBack(
                  inner.values(),
                  row + attention.query(head * attention.group() + i),
                  table,
                  token);
            }
            turnBack(inner.values(), row + attention.key(head), table, token);
          }
        });
  }

  private void run(
      int head,
      int queryHead,
      Activations rotated,
      Activations outer,
      Activations inner,
      float[] scratch,
      MatrixKernels kernels) {
    float[] x = rotated.values();
    float[] d = inner.values();
    float scale = attention.scale();
    int query = attention.query(queryHead);
    int key = attention.key(head);
    int value = attention.value(head);
    int tokens = rotated.count();
    for (int token = 0; token < tokens; token++) {
      int first = attention.first(token);
      int count = token + 1 - first;
      int q = rotated.row(token) + query;
      int dq = inner.row(token) + query;
      int out = outer.row(token) + queryHead * size;
      for (int i = 0; i < count; i++) {
        scratch[i] =
            attention.sees(queryHead, token, first + i)
                ? kernels.dot(x, q, x, rotated.row(first + i) + key, size)
                : Float.NEGATIVE_INFINITY;
      }
      kernels.softmax(scratch, 0, count, scale);
      float mean = 0;
      for (int i = 0; i < count; i++) {
        float gain = kernels.dot(outer.values(), out, x, rotated.row(first + i) + value, size);
        scratch[tokens + i] = gain;
        mean += scratch[i] * gain;
      }
      for (int i = 0; i < count; i++) {
        int other = rotated.row(first + i);
        int to = inner.row(first + i);
        float share = scratch[i] * (scratch[tokens + i] - mean) * scale;
        kernels.addScaled(x, other + key, share, d, dq, size);
        kernels.addScaled(x, q, share, d, to + key, size);
        kernels.addScaled(outer.values(), out, scratch[i], d, to + value, size);
      }
    }
  }

  /** What {@link MatrixKernels#rotate} does, the other way round. */
  private static void turnBack(float[] x, int at, RotaryTable table, int token) {
    int half = table.half();
    for (int i = 0; i < half; i++) {
      float cos = table.cos()[token * half + i];
      float sin = table.sin()[token * half + i];
      float a = x[at + i];
      float b = x[at + half + i];
      x[at + i] = a * cos + b * sin;
      x[at + half + i] = b * cos - a * sin;
    }
  }
}
