package dev.phial.choose;

import dev.phial.kernel.MatrixKernels;
import java.util.TreeMap;

/**
 * What is known of the inputs of a matrix: their second moments {@code Σ x̂ x̂ᵀ}, and how they have
 * drifted from those of the float model, {@code Σ x̂ (x - x̂)ᵀ}. Sums need not be divided by the
 * number of inputs.
 */
public final class InputMoments {
  /**
   * Share of the drift that is made up for: all of it would learn the text by heart. The value is
   * the one that did best in trials on held-out text.
   */
  private static final float SHARE = 0.7f;

  /** Share of the mean of the diagonal that is added to it. */
  private static final double DAMPING = 0.01;

  /** Columns of a panel, if blocks are no larger. */
  private static final int WIDTH = 128;

  private final int size;
  private final float[] moments; // [size][size]
  private float[] packed = new float[0]; // the moments for products
  private final float[] drift; // packed vectors [size][size], or nothing
  private final TreeMap<Integer, Curvature> curvatures = new TreeMap<>();

  /**
   * @param moments {@code [size][size]}, symmetric; taken over
   * @param drift {@code [size][size]}, column {@code i} for the drift of input {@code i}; empty if
   *     there is none
   */
  public InputMoments(int size, float[] moments, float[] drift) {
    this.size = size;
    this.moments = moments;
    this.drift = new float[drift.length];
    if (drift.length > 0) {
      MatrixKernels.best().packVectors(drift, 0, size, size, size, this.drift, 0);
    }
  }

  int size() {
    return size;
  }

  /**
   * The moments factored.
   *
   * @param blockSize of a format
   * @throws dev.phial.PhialException.BadInput if they are no sums of squares
   */
  synchronized Curvature curvature(int blockSize) {
    int width = blockSize > 2 * WIDTH ? WIDTH : Math.max(1, WIDTH / blockSize) * blockSize;
    return curvatures.computeIfAbsent(
        width, w -> Curvature.of(moments.clone(), size, DAMPING, w, drift.length > 0));
  }

  /**
   * The rows for which the quantized model comes nearest to what the float model computes: {@code W
   * + share · W (C - Ĥ) Ĥ⁻¹} with {@code C = Σ x x̂ᵀ} and {@code Ĥ = Σ x̂ x̂ᵀ}.
   *
   * @param rows {@code [size][LANES]}
   */
  void follow(Curvature curvature, float[] rows) {
    if (drift.length == 0) {
      return;
    }
    int lanes = MatrixKernels.PANEL;
    float[] step = new float[size * lanes];
    MatrixKernels.best().multiply(drift, 0, size, size, rows, 0, lanes, step, 0, lanes);
    curvature.solve(step);
    for (int i = 0; i < step.length; i++) {
      rows[i] = Math.fma(SHARE, step[i], rows[i]);
    }
  }

  /** Of each input alone: what an importance matrix has, {@code [size]}. */
  public float[] diagonal() {
    float[] diagonal = new float[size];
    for (int i = 0; i < size; i++) {
      diagonal[i] = moments[i * size + i];
    }
    return diagonal;
  }

  /**
   * What errors in rows add up to in what they compute: {@code d H dᵀ} of each.
   *
   * @param d {@code [count][size]}, at most {@link Refinement#ROWS} rows
   * @return {@code [count]}
   */
  public double[] errors(float[] d, int count) {
    int lanes = MatrixKernels.PANEL;
    float[] columns = new float[size * lanes];
    Lanes.load(d, 0, count, size, columns);
    float[] products = new float[size * lanes];
    MatrixKernels.best().multiply(packed(), 0, size, size, columns, 0, lanes, products, 0, lanes);
    double[] errors = new double[count];
    for (int i = 0; i < size; i++) {
      for (int lane = 0; lane < count; lane++) {
        errors[lane] += (double) columns[i * lanes + lane] * products[i * lanes + lane];
      }
    }
    return errors;
  }

  private synchronized float[] packed() {
    if (packed.length == 0) {
      packed = new float[moments.length];
      MatrixKernels.best().packVectors(moments, 0, size, size, size, packed, 0);
    }
    return packed;
  }
}
