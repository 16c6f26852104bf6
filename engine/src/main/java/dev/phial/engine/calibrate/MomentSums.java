package dev.phial.engine.calibrate;

import dev.phial.choose.InputMoments;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.Team;
import dev.phial.kernel.MatrixKernels;
import org.jspecify.annotations.Nullable;

/**
 * Sums up the second moments of what flows into a matrix, and of how it has drifted from what flows
 * there in the float model: in single precision a text, in an order that does not depend on
 * threads.
 */
public final class MomentSums {
  /** Inputs whose moments one task computes: whole groups of packed vectors. */
  private static final int BLOCK = 8 * MatrixKernels.GROUP;

  private final int size;
  private final Team team;
  private final float[] moments; // [size][size], below the diagonal
  private final float[] drift; // [size][size], or nothing
  private float[] differences = new float[0];
  private long count;

  /**
   * @param size inputs of the matrix, a multiple of {@link MatrixKernels#PANEL}
   * @param hasDrift whether there is a float model to compare with
   */
  public MomentSums(int size, boolean hasDrift, Team team) {
    this.size = size;
    this.team = team;
    this.moments = new float[Math.multiplyExact(size, size)];
    this.drift = new float[hasDrift ? moments.length : 0];
  }

  /** Bytes that sums of so many inputs take, and what is made of them. */
  public static long bytes(int size, boolean hasDrift) {
    // sums, their copy, factors, what is packed of both; drift twice
    return (hasDrift ? 7L : 5L) * size * size * Float.BYTES;
  }

  /**
   * Adds the inputs of a text.
   *
   * @param inputs {@code [tokens][size]}
   * @param exact the same in the float model, if it is to be compared with
   */
  public void add(Activations inputs, @Nullable Activations exact) {
    if (inputs.count() == 0) {
      return;
    }
    if (exact != null) {
      subtract(exact, inputs);
    }
    team.forEach((size + BLOCK - 1) / BLOCK, block -> add(inputs, block * BLOCK, exact != null));
    count += inputs.count();
  }

  private void subtract(Activations exact, Activations inputs) {
    int stride = inputs.stride();
    if (differences.length < inputs.count() * stride) {
      differences = new float[inputs.count() * stride];
    }
    team.forEach(
        inputs.count(),
        row -> {
          int at = inputs.row(row);
          int from = exact.row(row);
          for (int i = 0; i < size; i++) {
            differences[row * stride + i] = exact.values()[from + i] - inputs.values()[at + i];
          }
        });
  }

  private void add(Activations inputs, int first, boolean hasDrift) {
    MatrixKernels kernels = MatrixKernels.best();
    int rows = Math.min(BLOCK, size - first);
    int tokens = inputs.count();
    float[] packed = pack(inputs, first, rows);
    int stride = inputs.stride();
    int to = first * size;
    for (int i = 0; i < first + rows; i += MatrixKernels.PANEL) {
      kernels.multiply(packed, 0, rows, tokens, inputs.values(), i, stride, moments, to + i, size);
    }
    for (int i = 0; hasDrift && i < size; i += MatrixKernels.PANEL) {
      kernels.multiply(packed, 0, rows, tokens, differences, i, stride, drift, to + i, size);
    }
  }

  /** Columns as packed vectors, {@code [columns][tokens]}. */
  static float[] pack(Activations inputs, int first, int count) {
    int tokens = inputs.count();
    float[] columns = new float[count * tokens];
    for (int token = 0; token < tokens; token++) {
      int at = inputs.row(token) + first;
      for (int i = 0; i < count; i++) {
        columns[i * tokens + token] = inputs.values()[at + i];
      }
    }
    float[] packed = new float[count * tokens];
    MatrixKernels.best().packVectors(columns, 0, tokens, count, tokens, packed, 0);
    return packed;
  }

  /** Inputs that were added. */
  public long count() {
    return count;
  }

  /** What they add up to so far, {@code [size][size]} on and below the diagonal. */
  float[] sums() {
    return moments;
  }

  /** What they add up to; nothing may be added any more. */
  public InputMoments moments() {
    for (int i = 0; i < size; i++) {
      for (int k = 0; k < i; k++) {
        moments[k * size + i] = moments[i * size + k];
      }
    }
    return new InputMoments(size, moments, drift);
  }
}
