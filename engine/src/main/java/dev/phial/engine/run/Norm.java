package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;

/** A normalization with its parameters. */
sealed interface Norm {
  /** Normalizes every row of {@code x}. */
  default void apply(Activations x, Activations y, Team team) {
    y.resize(x.count());
    team.run(
        x.count(),
        (row, worker) ->
            apply(team.kernels(), x.values(), x.row(row), x.columns(), y.values(), y.row(row)));
  }

  void apply(MatrixKernels kernels, float[] x, int at, int n, float[] y, int yAt);

  /**
   * The gradient in {@code x}.
   *
   * @param outer gradient in what the norm gives
   */
  default Activations gradient(Activations x, Activations outer, Team team) {
    Activations inner = new Activations(x.columns());
    inner.resize(x.count());
    team.forEach(
        x.count(),
        row ->
            gradient(
                x.values(),
                x.row(row),
                outer.values(),
                outer.row(row),
                x.columns(),
                inner.values()));
    return inner;
  }

  /** Of one row; {@code inner} is laid out as {@code x}. */
  void gradient(float[] x, int at, float[] outer, int outerAt, int n, float[] inner);

  /**
   * @param weight {@code [hidden]}
   */
  record RootMeanSquare(float[] weight, float epsilon) implements Norm {
    @Override
    public void apply(MatrixKernels kernels, float[] x, int at, int n, float[] y, int yAt) {
      kernels.rmsNorm(x, at, n, weight, epsilon, y, yAt);
    }

    @Override
    public void gradient(float[] x, int at, float[] outer, int outerAt, int n, float[] inner) {
      double squares = 0;
      double along = 0;
      for (int i = 0; i < n; i++) {
        squares += (double) x[at + i] * x[at + i];
        along += (double) weight[i] * outer[outerAt + i] * x[at + i];
      }
      double inverse = 1 / Math.sqrt(squares / n + epsilon);
      double less = along * inverse * inverse / n;
      for (int i = 0; i < n; i++) {
        inner[at + i] = (float) (inverse * (weight[i] * outer[outerAt + i] - x[at + i] * less));
      }
    }
  }

  /**
   * @param weight {@code [hidden]}
   * @param bias {@code [hidden]}
   */
  record Layer(float[] weight, float[] bias, float epsilon) implements Norm {
    @Override
    public void apply(MatrixKernels kernels, float[] x, int at, int n, float[] y, int yAt) {
      kernels.layerNorm(x, at, n, weight, bias, epsilon, y, yAt);
    }

    @Override
    public void gradient(float[] x, int at, float[] outer, int outerAt, int n, float[] inner) {
      double mean = 0;
      for (int i = 0; i < n; i++) {
        mean += (double) x[at + i] / n;
      }
      double variance = 0;
      double level = 0;
      double along = 0;
      for (int i = 0; i < n; i++) {
        double d = x[at + i] - mean;
        double outward = (double) weight[i] * outer[outerAt + i];
        variance += d * d / n;
        level += outward / n;
        along += outward * d / n;
      }
      double inverse = 1 / Math.sqrt(variance + epsilon);
      double less = along * inverse * inverse;
      for (int i = 0; i < n; i++) {
        double outward = (double) weight[i] * outer[outerAt + i];
        inner[at + i] = (float) (inverse * (outward - level - (x[at + i] - mean) * less));
      }
    }
  }
}
