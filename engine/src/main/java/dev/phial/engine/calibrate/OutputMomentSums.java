package dev.phial.engine.calibrate;

import dev.phial.choose.OutputMoments;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.Team;
import dev.phial.kernel.MatrixKernels;

/**
 * Sums up the second moments of gradients in what a matrix gives, of outputs in one band: in single
 * precision, in an order that does not depend on threads.
 */
public final class OutputMomentSums {
  private final int rows;
  private final Team team;
  private final float[][] bands; // [bands][stride of the band squared]

  /**
   * @param rows of the matrix
   */
  public OutputMomentSums(int rows, Team team) {
    this.rows = rows;
    this.team = team;
    this.bands = new float[Math.ceilDiv(rows, OutputMoments.BAND)][];
    for (int band = 0; band < bands.length; band++) {
      bands[band] = new float[OutputMoments.stride(rows, band) * OutputMoments.count(rows, band)];
    }
  }

  /**
   * Adds the gradients of some tokens.
   *
   * @param gradients {@code [tokens][rows]}
   */
  public void add(Activations gradients) {
    team.forEach(bands.length, band -> add(gradients, band));
  }

  private void add(Activations gradients, int band) {
    int first = band * OutputMoments.BAND;
    int count = OutputMoments.count(rows, band);
    int stride = OutputMoments.stride(rows, band);
    float[] packed = MomentSums.pack(gradients, first, count);
    for (int i = 0; i < count; i += MatrixKernels.PANEL) {
      MatrixKernels.best()
          .multiply(
              packed,
              0,
              count,
              gradients.count(),
              gradients.values(),
              first + i,
              gradients.stride(),
              bands[band],
              i,
              stride);
    }
  }

  /** What they add up to; nothing may be added any more. */
  public OutputMoments moments() {
    return new OutputMoments(rows, bands);
  }
}
