package dev.phial.kernel;

import static jdk.incubator.vector.VectorOperators.MAX;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** {@link ScalarMatrixKernels} with the Vector API. */
final class VectorMatrixKernels implements MatrixKernels {
  private static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  private static final int WIDTH = F.length();
  private static final ScalarMatrixKernels SCALAR = new ScalarMatrixKernels();

  /**
   * Columns multiplied before the next group of vectors: so much of a panel (32 KB) and of a group
   * (12 KB) stays in the first cache.
   */
  private static final int DEPTH = 256;

  /** Elements summed in single precision before the sum goes on in double. */
  private static final int RUN = 1024;

  private static final VectorShuffle<Float> UNZIP_EVEN = VectorShuffle.makeUnzip(F, 0);
  private static final VectorShuffle<Float> UNZIP_ODD = VectorShuffle.makeUnzip(F, 1);

  @Override
  public void packRows(float[] rows, int stride, int count, int columns, float[] panel) {
    if (count < PANEL) {
      SCALAR.packRows(rows, stride, count, columns, panel);
      return;
    }
    int[] starts = new int[PANEL];
    for (int row = 0; row < PANEL; row++) {
      starts[row] = row * stride;
    }
    for (int k = 0; k < columns; k++) {
      for (int lane = 0; lane < PANEL; lane += WIDTH) {
        FloatVector.fromArray(F, rows, k, starts, lane).intoArray(panel, k * PANEL + lane);
      }
    }
  }

  @Override
  public void packVectors(
      float[] x, int at, int stride, int count, int depth, float[] packed, int to) {
    for (int start = 0; start < count; ) {
      int group = MatrixKernels.group(count - start);
      for (int v = 0; v < group; v++) {
        int from = at + (start + v) * stride;
        int into = to + start * depth + v;
        for (int k = 0; k < depth; k++) {
          packed[into + k * group] = x[from + k];
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
    for (int k = 0; k < depth; k += DEPTH) {
      int part = Math.min(DEPTH, depth - k);
      int p = panelAt + k * panelStride;
      for (int start = 0; start < count; ) {
        int group = MatrixKernels.group(count - start);
        int v = at + start * depth + k * group;
        int to = yAt + start * yStride;
        for (int lane = 0; lane < PANEL; lane += 2 * WIDTH) {
          switch (group) {
            case GROUP ->
                multiply12(x, v, part, panel, p + lane, panelStride, y, to + lane, yStride);
            case 4 -> multiply4(x, v, part, panel, p + lane, panelStride, y, to + lane, yStride);
            default -> multiply1(x, v, part, panel, p + lane, panelStride, y, to + lane);
          }
        }
        start += group;
      }
    }
  }

  // A vector that is passed to a method that C2 does not inline is boxed, and it gives up inlining
  // in bodies as long as these: hence no helper for one line of them.

  private static void multiply12(
      float[] x,
      int at,
      int depth,
      float[] panel,
      int panelAt,
      int stride,
      float[] y,
      int yAt,
      int yStride) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    FloatVector a1 = FloatVector.zero(F);
    FloatVector b1 = FloatVector.zero(F);
    FloatVector a2 = FloatVector.zero(F);
    FloatVector b2 = FloatVector.zero(F);
    FloatVector a3 = FloatVector.zero(F);
    FloatVector b3 = FloatVector.zero(F);
    FloatVector a4 = FloatVector.zero(F);
    FloatVector b4 = FloatVector.zero(F);
    FloatVector a5 = FloatVector.zero(F);
    FloatVector b5 = FloatVector.zero(F);
    FloatVector a6 = FloatVector.zero(F);
    FloatVector b6 = FloatVector.zero(F);
    FloatVector a7 = FloatVector.zero(F);
    FloatVector b7 = FloatVector.zero(F);
    FloatVector a8 = FloatVector.zero(F);
    FloatVector b8 = FloatVector.zero(F);
    FloatVector a9 = FloatVector.zero(F);
    FloatVector b9 = FloatVector.zero(F);
    FloatVector a10 = FloatVector.zero(F);
    FloatVector b10 = FloatVector.zero(F);
    FloatVector a11 = FloatVector.zero(F);
    FloatVector b11 = FloatVector.zero(F);
    for (int k = 0; k < depth; k++) {
      FloatVector p = FloatVector.fromArray(F, panel, panelAt + k * stride);
      FloatVector q = FloatVector.fromArray(F, panel, panelAt + k * stride + WIDTH);
      int i = at + k * 12;
      FloatVector v0 = FloatVector.broadcast(F, x[i]);
      a0 = v0.fma(p, a0);
      b0 = v0.fma(q, b0);
      FloatVector v1 = FloatVector.broadcast(F, x[i + 1]);
      a1 = v1.fma(p, a1);
      b1 = v1.fma(q, b1);
      FloatVector v2 = FloatVector.broadcast(F, x[i + 2]);
      a2 = v2.fma(p, a2);
      b2 = v2.fma(q, b2);
      FloatVector v3 = FloatVector.broadcast(F, x[i + 3]);
      a3 = v3.fma(p, a3);
      b3 = v3.fma(q, b3);
      FloatVector v4 = FloatVector.broadcast(F, x[i + 4]);
      a4 = v4.fma(p, a4);
      b4 = v4.fma(q, b4);
      FloatVector v5 = FloatVector.broadcast(F, x[i + 5]);
      a5 = v5.fma(p, a5);
      b5 = v5.fma(q, b5);
      FloatVector v6 = FloatVector.broadcast(F, x[i + 6]);
      a6 = v6.fma(p, a6);
      b6 = v6.fma(q, b6);
      FloatVector v7 = FloatVector.broadcast(F, x[i + 7]);
      a7 = v7.fma(p, a7);
      b7 = v7.fma(q, b7);
      FloatVector v8 = FloatVector.broadcast(F, x[i + 8]);
      a8 = v8.fma(p, a8);
      b8 = v8.fma(q, b8);
      FloatVector v9 = FloatVector.broadcast(F, x[i + 9]);
      a9 = v9.fma(p, a9);
      b9 = v9.fma(q, b9);
      FloatVector v10 = FloatVector.broadcast(F, x[i + 10]);
      a10 = v10.fma(p, a10);
      b10 = v10.fma(q, b10);
      FloatVector v11 = FloatVector.broadcast(F, x[i + 11]);
      a11 = v11.fma(p, a11);
      b11 = v11.fma(q, b11);
    }
    int j = yAt;
    a0.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b0.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a1.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b1.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a2.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b2.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a3.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b3.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a4.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b4.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a5.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b5.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a6.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b6.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a7.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b7.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a8.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b8.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a9.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b9.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a10.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b10.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a11.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b11.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
  }

  private static void multiply4(
      float[] x,
      int at,
      int depth,
      float[] panel,
      int panelAt,
      int stride,
      float[] y,
      int yAt,
      int yStride) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    FloatVector a1 = FloatVector.zero(F);
    FloatVector b1 = FloatVector.zero(F);
    FloatVector a2 = FloatVector.zero(F);
    FloatVector b2 = FloatVector.zero(F);
    FloatVector a3 = FloatVector.zero(F);
    FloatVector b3 = FloatVector.zero(F);
    for (int k = 0; k < depth; k++) {
      FloatVector p = FloatVector.fromArray(F, panel, panelAt + k * stride);
      FloatVector q = FloatVector.fromArray(F, panel, panelAt + k * stride + WIDTH);
      int i = at + k * 4;
      FloatVector v0 = FloatVector.broadcast(F, x[i]);
      a0 = v0.fma(p, a0);
      b0 = v0.fma(q, b0);
      FloatVector v1 = FloatVector.broadcast(F, x[i + 1]);
      a1 = v1.fma(p, a1);
      b1 = v1.fma(q, b1);
      FloatVector v2 = FloatVector.broadcast(F, x[i + 2]);
      a2 = v2.fma(p, a2);
      b2 = v2.fma(q, b2);
      FloatVector v3 = FloatVector.broadcast(F, x[i + 3]);
      a3 = v3.fma(p, a3);
      b3 = v3.fma(q, b3);
    }
    int j = yAt;
    a0.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b0.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a1.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b1.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a2.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b2.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
    j += yStride;
    a3.add(FloatVector.fromArray(F, y, j)).intoArray(y, j);
    b3.add(FloatVector.fromArray(F, y, j + WIDTH)).intoArray(y, j + WIDTH);
  }

  private static void multiply1(
      float[] x, int at, int depth, float[] panel, int panelAt, int stride, float[] y, int yAt) {
    FloatVector a0 = FloatVector.zero(F);
    FloatVector b0 = FloatVector.zero(F);
    for (int k = 0; k < depth; k++) {
      FloatVector p = FloatVector.fromArray(F, panel, panelAt + k * stride);
      FloatVector q = FloatVector.fromArray(F, panel, panelAt + k * stride + WIDTH);
      FloatVector v0 = FloatVector.broadcast(F, x[at + k]);
      a0 = v0.fma(p, a0);
      b0 = v0.fma(q, b0);
    }
    a0.add(FloatVector.fromArray(F, y, yAt)).intoArray(y, yAt);
    b0.add(FloatVector.fromArray(F, y, yAt + WIDTH)).intoArray(y, yAt + WIDTH);
  }

  @Override
  public int many() {
    return 24;
  }

  @Override
  public void multiplyRows(
      float[] rows,
      int count,
      float[] x,
      int at,
      int xStride,
      int vectors,
      int columns,
      float[] y,
      int yAt,
      int yStride) {
    if (count < 4 || vectors < 4) {
      MatrixKernels.super.multiplyRows(
          rows, count, x, at, xStride, vectors, columns, y, yAt, yStride);
    } else {
      RowProducts.multiply(rows, count, x, at, xStride, vectors, columns, y, yAt, yStride);
    }
  }

  @Override
  public float dot(float[] a, int aAt, float[] b, int bAt, int n) {
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = FloatVector.zero(F);
    FloatVector s2 = FloatVector.zero(F);
    FloatVector s3 = FloatVector.zero(F);
    int i = 0;
    for (; i + 4 * WIDTH <= n; i += 4 * WIDTH) {
      s0 = load(a, aAt + i).fma(load(b, bAt + i), s0);
      s1 = load(a, aAt + i + WIDTH).fma(load(b, bAt + i + WIDTH), s1);
      s2 = load(a, aAt + i + 2 * WIDTH).fma(load(b, bAt + i + 2 * WIDTH), s2);
      s3 = load(a, aAt + i + 3 * WIDTH).fma(load(b, bAt + i + 3 * WIDTH), s3);
    }
    for (; i + WIDTH <= n; i += WIDTH) {
      s0 = load(a, aAt + i).fma(load(b, bAt + i), s0);
    }
    float sum = Sums.of(s0.add(s1).add(s2.add(s3)));
    for (; i < n; i++) {
      sum = Math.fma(a[aAt + i], b[bAt + i], sum);
    }
    return sum;
  }

  private static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(F, x, at);
  }

  @Override
  public void add(float[] x, int at, float[] y, int yAt, int n) {
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      load(x, at + i).add(load(y, yAt + i)).intoArray(y, yAt + i);
    }
    SCALAR.add(x, at + i, y, yAt + i, n - i);
  }

  @Override
  public void addScaled(float[] x, int at, float factor, float[] y, int yAt, int n) {
    FloatVector f = FloatVector.broadcast(F, factor);
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      load(x, at + i).fma(f, load(y, yAt + i)).intoArray(y, yAt + i);
    }
    SCALAR.addScaled(x, at + i, factor, y, yAt + i, n - i);
  }

  @Override
  public void scale(float[] x, int at, int n, float factor) {
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      load(x, at + i).mul(factor).intoArray(x, at + i);
    }
    SCALAR.scale(x, at + i, n - i, factor);
  }

  @Override
  public void rmsNorm(float[] x, int at, int n, float[] weight, float epsilon, float[] y, int yAt) {
    float inverse = (float) (1 / Math.sqrt(dot(x, at, x, at, n) / n + epsilon));
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      load(x, at + i).mul(inverse).mul(load(weight, i)).intoArray(y, yAt + i);
    }
    for (; i < n; i++) {
      y[yAt + i] = weight[i] * (x[at + i] * inverse);
    }
  }

  @Override
  public void layerNorm(
      float[] x, int at, int n, float[] weight, float[] bias, float epsilon, float[] y, int yAt) {
    FloatVector sums = FloatVector.zero(F);
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      sums = sums.add(load(x, at + i));
    }
    float sum = Sums.of(sums);
    for (; i < n; i++) {
      sum += x[at + i];
    }
    float mean = sum / n;
    sums = FloatVector.zero(F);
    for (i = 0; i + WIDTH <= n; i += WIDTH) {
      FloatVector d = load(x, at + i).sub(mean);
      sums = d.fma(d, sums);
    }
    float squares = Sums.of(sums);
    for (; i < n; i++) {
      squares += (x[at + i] - mean) * (x[at + i] - mean);
    }
    float inverse = (float) (1 / Math.sqrt(squares / n + epsilon));
    for (i = 0; i + WIDTH <= n; i += WIDTH) {
      load(x, at + i)
          .sub(mean)
          .mul(inverse)
          .mul(load(weight, i))
          .add(load(bias, i))
          .intoArray(y, yAt + i);
    }
    for (; i < n; i++) {
      y[yAt + i] = (x[at + i] - mean) * inverse * weight[i] + bias[i];
    }
  }

  @Override
  public void softmax(float[] x, int at, int n, float scale) {
    float largest = largest(x, at, n);
    FloatVector sums = FloatVector.zero(F);
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      FloatVector e = Exponential.of(load(x, at + i).sub(largest).mul(scale));
      e.intoArray(x, at + i);
      sums = sums.add(e);
    }
    float sum = Sums.of(sums);
    for (; i < n; i++) {
      x[at + i] = (float) Math.exp((x[at + i] - largest) * scale);
      sum += x[at + i];
    }
    scale(x, at, n, 1 / sum);
  }

  @Override
  public void siluTimes(float[] gate, int at, float[] up, int upAt, float[] y, int yAt, int n) {
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      FloatVector x = load(gate, at + i);
      x.div(Exponential.of(x.neg()).add(1f)).mul(load(up, upAt + i)).intoArray(y, yAt + i);
    }
    SCALAR.siluTimes(gate, at + i, up, upAt + i, y, yAt + i, n - i);
  }

  @Override
  public void gelu(float[] x, int at, int n) {
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      FloatVector v = load(x, at + i);
      FloatVector inner =
          v.mul(v).mul(v).mul(0.044715f).add(v).mul(ScalarMatrixKernels.GELU_FACTOR);
      v.mul(0.5f).mul(Exponential.tanh(inner).add(1f)).intoArray(x, at + i);
    }
    SCALAR.gelu(x, at + i, n - i);
  }

  @Override
  public void gegelu(float[] x, int at, float limit, float[] y, int yAt, int n) {
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      FloatVector a = load(x, at + 2 * i);
      FloatVector b = load(x, at + 2 * i + WIDTH);
      FloatVector gate = a.rearrange(UNZIP_EVEN, b).min(limit);
      FloatVector linear = a.rearrange(UNZIP_ODD, b).min(limit).max(-limit);
      gate.div(Exponential.of(gate.mul(-1.702f)).add(1f)).mul(linear.add(1f)).intoArray(y, yAt + i);
    }
    SCALAR.gegelu(x, at + 2 * i, limit, y, yAt + i, n - i);
  }

  @Override
  public void rotate(float[] x, int at, int half, float[] cos, float[] sin, int tableAt) {
    int i = 0;
    for (; i + WIDTH <= half; i += WIDTH) {
      FloatVector a = load(x, at + i);
      FloatVector b = load(x, at + half + i);
      FloatVector c = load(cos, tableAt + i);
      FloatVector s = load(sin, tableAt + i);
      a.mul(c).sub(b.mul(s)).intoArray(x, at + i);
      b.mul(c).add(a.mul(s)).intoArray(x, at + half + i);
    }
    for (; i < half; i++) {
      float a = x[at + i];
      float b = x[at + half + i];
      x[at + i] = a * cos[tableAt + i] - b * sin[tableAt + i];
      x[at + half + i] = b * cos[tableAt + i] + a * sin[tableAt + i];
    }
  }

  @Override
  public float largest(float[] x, int at, int n) {
    if (n < WIDTH) {
      return SCALAR.largest(x, at, n);
    }
    FloatVector largest = load(x, at);
    int i = WIDTH;
    for (; i + WIDTH <= n; i += WIDTH) {
      largest = largest.max(load(x, at + i));
    }
    return largest.max(load(x, at + n - WIDTH)).reduceLanes(MAX);
  }

  @Override
  public double sumOfExps(float[] x, int at, int n, float shift) {
    double total = 0;
    int i = 0;
    while (i + WIDTH <= n) {
      FloatVector sum = FloatVector.zero(F);
      for (int end = Math.min(n, i + RUN); i + WIDTH <= end; i += WIDTH) {
        sum = sum.add(Exponential.of(load(x, at + i).sub(shift)));
      }
      total += Sums.of(sum);
    }
    return total + SCALAR.sumOfExps(x, at + i, n - i, shift);
  }

  @Override
  public double sumOfDifferences(float[] p, int at, float pShift, float[] q, int qAt, int n) {
    double total = 0;
    int i = 0;
    while (i + WIDTH <= n) {
      FloatVector sum = FloatVector.zero(F);
      for (int end = Math.min(n, i + RUN); i + WIDTH <= end; i += WIDTH) {
        FloatVector v = load(p, at + i);
        sum = Exponential.of(v.sub(pShift)).fma(v.sub(load(q, qAt + i)), sum);
      }
      total += Sums.of(sum);
    }
    return total + SCALAR.sumOfDifferences(p, at + i, pShift, q, qAt + i, n - i);
  }

  // C2 turns these two loops into conversions of whole registers, which the Vector API lacks

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
