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
   * @param weight {@code [hidden]}
   */
  record RootMeanSquare(float[] weight, float epsilon) implements Norm {
    @Override
    public void apply(MatrixKernels kernels, float[] x, int at, int n, float[] y, int yAt) {
      kernels.rmsNorm(x, at, n, weight, epsilon, y, yAt);
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
  }
}
