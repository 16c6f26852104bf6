package dev.phial.kernel;

/**
 * The loops of a forward pass. {@link ScalarMatrixKernels} defines each of them in plain Java;
 * {@link VectorMatrixKernels} is faster and adds in another order, so that the two agree up to
 * rounding.
 *
 * <p>Matrices are multiplied through two layouts that let a vector register hold one column of many
 * rows. A <em>panel</em> holds {@link #PANEL} rows of a matrix side by side: column {@code k} of
 * row {@code r} at {@code k * PANEL + r}. <em>Packed</em> vectors stand in groups of {@link
 * #GROUP}, then 4, then 1; element {@code k} of vector {@code v} of a group of {@code g} that
 * starts with vector {@code s} is at {@code s * depth + k * g + v}.
 */
public sealed interface MatrixKernels permits ScalarMatrixKernels, VectorMatrixKernels {
  /** Rows in a panel. */
  int PANEL = 32;

  /** Vectors that are multiplied at once. */
  int GROUP = 12;

  /** The fastest kernels this JVM can run. */
  static MatrixKernels best() {
    return KernelProvider.BEST_MATRIX;
  }

  /** Kernels that need not be compiled to be of use. */
  static MatrixKernels scalar() {
    return KernelProvider.SCALAR_MATRIX;
  }

  /** How many vectors the next group of packed vectors has when {@code left} are left. */
  static int group(int left) {
    return left >= GROUP ? GROUP : left >= 4 ? 4 : 1;
  }

  /**
   * Lays rows side by side; what a panel of fewer than {@link #PANEL} rows has left is zero.
   *
   * @param rows {@code [count][stride]}, of which {@code columns} are used
   * @param panel receives {@code [columns][PANEL]}
   */
  void packRows(float[] rows, int stride, int count, int columns, float[] panel);

  /**
   * Packs vectors.
   *
   * @param x {@code [count][stride]} from {@code at}, of which {@code depth} are used
   * @param packed receives {@code count * depth} floats from {@code to}
   */
  void packVectors(float[] x, int at, int stride, int count, int depth, float[] packed, int to);

  /**
   * Adds the products of packed vectors and a panel: {@code y[v][r] += Σ x[v][k] · panel[k][r]}.
   *
   * @param x {@code count} packed vectors of {@code depth} from {@code at}
   * @param panel {@code [depth][panelStride]} from {@code panelAt}, of which {@link #PANEL} are
   *     used
   * @param y {@code [count][yStride]} from {@code yAt}, of which {@link #PANEL} are added to
   */
  void multiply(
      float[] x,
      int at,
      int count,
      int depth,
      float[] panel,
      int panelAt,
      int panelStride,
      float[] y,
      int yAt,
      int yStride);

  /** From so many vectors on it pays to lay rows side by side, instead of {@link #multiplyRows}. */
  int many();

  /**
   * Multiplies rows as they lie: {@code y[v][r] = Σ rows[r][k] · x[v][k]}.
   *
   * @param rows {@code [count][columns]}
   * @param x {@code [vectors][xStride]} from {@code at}, of which {@code columns} are used
   * @param y receives {@code [vectors][yStride]} from {@code yAt}, of which {@code count} are set
   */
  default void multiplyRows(
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
    for (int r = 0; r < count; r++) {
      for (int v = 0; v < vectors; v++) {
        y[yAt + v * yStride + r] = dot(rows, r * columns, x, at + v * xStride, columns);
      }
    }
  }

  /** {@code Σ a[i] · b[i]} of {@code n} elements. */
  float dot(float[] a, int aAt, float[] b, int bAt, int n);

  /** {@code y += x} of {@code n} elements. */
  void add(float[] x, int at, float[] y, int yAt, int n);

  /** {@code y += factor · x} of {@code n} elements. */
  void addScaled(float[] x, int at, float factor, float[] y, int yAt, int n);

  /** {@code x *= factor} of {@code n} elements. */
  void scale(float[] x, int at, int n, float factor);

  /** {@code y = weight · x / √(mean(x²) + epsilon)} of {@code n} elements. */
  void rmsNorm(float[] x, int at, int n, float[] weight, float epsilon, float[] y, int yAt);

  /** {@code y = weight · (x - mean) / √(variance + epsilon) + bias} of {@code n} elements. */
  void layerNorm(
      float[] x, int at, int n, float[] weight, float[] bias, float epsilon, float[] y, int yAt);

  /**
   * Turns {@code n} elements into {@code exp(scale · x) / Σ exp(scale · x)}; minus infinity becomes
   * 0.
   */
  void softmax(float[] x, int at, int n, float scale);

  /**
   * {@code y = x · sigmoid(x) · up} of {@code n} elements, where {@code x} is the gate.
   *
   * @param y may be {@code gate} at the same place
   */
  void siluTimes(float[] gate, int at, float[] up, int upAt, float[] y, int yAt, int n);

  /** GELU by its tanh formula, of {@code n} elements in place. */
  void gelu(float[] x, int at, int n);

  /**
   * Phi-3-small's activation: pairs of a gate {@code g ≤ limit} and a linear part {@code -limit ≤ l
   * ≤ limit} become {@code g · sigmoid(1.702 g) · (l + 1)}.
   *
   * @param x {@code 2n} elements, gate and linear part by turns
   * @param y receives {@code n}
   */
  void gegelu(float[] x, int at, float limit, float[] y, int yAt, int n);

  /**
   * Rotates pairs {@code (x[i], x[i + half])} by the angle whose cosine and sine are given.
   *
   * @param cos {@code [half]} from {@code tableAt}
   */
  void rotate(float[] x, int at, int half, float[] cos, float[] sin, int tableAt);

  /** The largest of {@code n ≥ 1} elements; NaN if one is. */
  float largest(float[] x, int at, int n);

  /** {@code Σ exp(x - shift)} of {@code n} elements. */
  double sumOfExps(float[] x, int at, int n, float shift);

  /**
   * {@code Σ exp(p - pShift) · (p - q)} of {@code n} elements: what the divergence of two
   * distributions needs of their logits.
   */
  double sumOfDifferences(float[] p, int at, float pShift, float[] q, int qAt, int n);

  /** Widens half floats. */
  void widen(short[] halves, int from, float[] to, int at, int n);

  /** Narrows to half floats. */
  void narrow(float[] x, int from, short[] halves, int at, int n);
}
