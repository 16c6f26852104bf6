package dev.phial.kernel;

import java.util.Arrays;

/** The definition of every kernel of the forward pass. */
final class ScalarMatrixKernels implements MatrixKernels {
  @Override
  public void packRows(float[] rows, int stride, int count, int columns, float[] panel) {
    if (count < PANEL) {
      Arrays.fill(panel, 0, columns * PANEL, 0);
    }
    for (int row = 0; row < count; row++) {
      for (int k = 0; k < columns; k++) {
        panel[k * PANEL + row] = rows[row * stride + k];
      }
    }
  }

  @Override
  public void packVectors(
      float[] x, int at, int stride, int count, int depth, float[] packed, int to) {
    for (int start = 0; start < count; ) {
      int group = MatrixKernels.group(count - start);
      for (int k = 0; k < depth; k++) {
        for (int v = 0; v < group; v++) {
          packed[to + start * depth + k * group + v] = x[at + (start + v) * stride + k];
        }
      }
      start += group;
    }
  }

  @Override
  public void multiply(
      float[] x,
      int at,
      int count,
      int depth,
      float[] panel,
      int panelAt,
      int panelStride,
      float[] y,
      int yAt,
      int yStride) {
    for (int start = 0; start < count; ) {
      int group = MatrixKernels.group(count - start);
      for (int v = 0; v < group; v++) {
        for (int r = 0; r < PANEL; r++) {
          float sum = 0;
          for (int k = 0; k < depth; k++) {
            sum += x[at + start * depth + k * group + v] * panel[panelAt + k * panelStride + r];
          }
          y[yAt + (start + v) * yStride + r] += sum;
        }
      }
      start += group;
    }
  }

  @Override
  public int many() {
    return 4;
  }

  @Override
  public float dot(float[] a, int aAt, float[] b, int bAt, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) {
      sum += a[aAt + i] * b[bAt + i];
    }
    return sum;
  }

  @Override
  public void add(float[] x, int at, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      y[yAt + i] += x[at + i];
    }
  }

  @Override
  public void addScaled(float[] x, int at, float factor, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      y[yAt + i] += factor * x[at + i];
    }
  }

  @Override
  public void scale(float[] x, int at, int n, float factor) {
    for (int i = 0; i < n; i++) {
      x[at + i] *= factor;
    }
  }

  @Override
  public void rmsNorm(float[] x, int at, int n, float[] weight, float epsilon, float[] y, int yAt) {
    float inverse = (float) (1 / Math.sqrt(dot(x, at, x, at, n) / n + epsilon));
    for (int i = 0; i < n; i++) {
      y[yAt + i] = weight[i] * (x[at + i] * inverse);
    }
  }

  @Override
  public void layerNorm(
      float[] x, int at, int n, float[] weight, float[] bias, float epsilon, float[] y, int yAt) {
    float sum = 0;
    for (int i = 0; i < n; i++) {
      sum += x[at + i];
    }
    float mean = sum / n;
    float squares = 0;
    for (int i = 0; i < n; i++) {
      squares += (x[at + i] - mean) * (x[at + i] - mean);
    }
    float inverse = (float) (1 / Math.sqrt(squares / n + epsilon));
    for (int i = 0; i < n; i++) {
      y[yAt + i] = (x[at + i] - mean) * inverse * weight[i] + bias[i];
    }
  }

  @Override
  public void softmax(float[] x, int at, int n, float scale) {
    float largest = largest(x, at, n);
    float sum = 0;
    for (int i = 0; i < n; i++) {
      x[at + i] = (float) Math.exp((x[at + i] - largest) * scale);
      sum += x[at + i];
    }
    scale(x, at, n, 1 / sum);
  }

  @Override
  public void siluTimes(float[] gate, int at, float[] up, int upAt, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      float x = gate[at + i];
      y[yAt + i] = x / (1 + (float) Math.exp(-x)) * up[upAt + i];
    }
  }

  /** √(2/π). */
  static final float GELU_FACTOR = (float) Math.sqrt(2 / Math.PI);

  @Override
  public void gelu(float[] x, int at, int n) {
    for (int i = 0; i < n; i++) {
      float v = x[at + i];
      float inner = GELU_FACTOR * (v + 0.044715f * v * v * v);
      x[at + i] = 0.5f * v * (1 + (float) Math.tanh(inner));
    }
  }

  @Override
  public void gegelu(float[] x, int at, float limit, float[] y, int yAt, int n) {
    for (int i = 0; i < n; i++) {
      float gate = Math.min(x[at + 2 * i], limit);
      float linear = Math.max(-limit, Math.min(x[at + 2 * i + 1], limit));
      y[yAt + i] = gate / (1 + (float) Math.exp(-1.702f * gate)) * (linear + 1);
    }
  }

  @Override
  public void rotate(float[] x, int at, int half, float[] cos, float[] sin, int tableAt) {
    for (int i = 0; i < half; i++) {
      float a = x[at + i];
      float b = x[at + half + i];
      x[at + i] = a * cos[tableAt + i] - b * sin[tableAt + i];
      x[at + half + i] = b * cos[tableAt + i] + a * sin[tableAt + i];
    }
  }

  @Override
  public float largest(float[] x, int at, int n) {
    float largest = x[at];
    for (int i = 1; i < n; i++) {
      largest = Math.max(largest, x[at + i]);
    }
    return largest;
  }

  @Override
  public double sumOfExps(float[] x, int at, int n, float shift) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.exp(x[at + i] - shift);
    }
    return sum;
  }

  @Override
  public double sumOfDifferences(float[] p, int at, float pShift, float[] q, int qAt, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.exp(p[at + i] - pShift) * (p[at + i] - q[qAt + i]);
    }
    return sum;
  }

  @Override
  public void widen(short[] halves, int from, float[] to, int at, int n) {
    for (int i = 0; i < n; i++) {
      to[at + i] = Float.float16ToFloat(halves[from + i]);
    }
  }

  @Override
  public void narrow(float[] x, int from, short[] halves, int at, int n) {
    for (int i = 0; i < n; i++) {
      halves[at + i] = Float.floatToFloat16(x[from + i]);
    }
  }
}
