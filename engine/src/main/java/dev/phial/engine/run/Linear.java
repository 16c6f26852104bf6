package dev.phial.engine.run;

import static dev.phial.kernel.MatrixKernels.PANEL;

import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Weight;
import dev.phial.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A linear layer whose weights stay where they are, in the mapped file and in its encoding: {@code
 * y = W x + b}.
 */
final class Linear {
  /** From so many vectors on it pays to decode the rows of the matrix once for all of them. */
  private static final int SOME = 4;

  /** Numbers that are decoded at a time to be multiplied as they lie: they stay in a cache. */
  private static final int NEAR = 1 << 16;

  /**
   * Numbers that a worker takes at a time when there are few vectors: enough that preparing the
   * vector does not count, few enough that nobody waits long for the last.
   */
  private static final int FEW = 1 << 19;

  /** Rows that are decoded at a time to be multiplied from the other side. */
  private static final int TOGETHER = 128;

  private final Weight weight;
  private final int expert;
  private final Tensor tensor;
  private final long first;
  private final int rows;
  private final int columns;
  private final float @Nullable [] bias; // [rows]

  /**
   * @param expert which matrix of a stack, or -1
   */
  Linear(Weight weight, int expert, float @Nullable [] bias) {
    this.weight = weight;
    this.expert = expert;
    this.rows = Math.toIntExact(weight.matrixRows());
    this.columns = Math.toIntExact(weight.shape().columns());
    this.bias = bias;
    if (expert > 0 && weight.slices().size() > 1) {
      this.tensor = weight.slices().get(expert);
      this.first = 0;
    } else {
      this.tensor = weight.slices().getFirst();
      this.first = Math.max(0, expert) * (long) rows;
    }
  }

  int rows() {
    return rows;
  }

  int columns() {
    return columns;
  }

  Weight weight() {
    return weight;
  }

  /** Whether its numbers are made of codes. */
  boolean isQuantized() {
    return tensor.isQuantized();
  }

  /** Which matrix of a stack, from 0. */
  int matrix() {
    return Math.max(0, expert);
  }

  /** Decodes one row. */
  void row(int row, float[] to, int at) {
    tensor.read(first + row, 1, to, at);
  }

  /**
   * Multiplies every row of {@code x}.
   *
   * @param y receives {@link #rows} numbers a row from {@code offset}; it has as many rows as
   *     {@code x}
   */
  void apply(Activations x, Activations y, int offset, Team team, Observer observer) {
    observer.input(weight, expert, x);
    if (x.count() < SOME) {
      applyToFew(x, y, offset, team);
    } else if (x.count() < team.kernels().many()) {
      applyToSome(x, y, offset, team);
    } else {
      applyToMany(x, y, offset, team);
    }
  }

  private void applyToFew(Activations x, Activations y, int offset, Team team) {
    int most = Math.max(PANEL, FEW / columns);
    int tasks = (rows + most - 1) / most;
    team.run(
        tasks,
        (task, worker) -> {
          int start = task * most;
          int count = Math.min(most, rows - start);
          boolean multiplied =
              team.kernels() == MatrixKernels.best()
                  && multiply(start, count, x, y, offset, team.scratch(worker));
          if (!multiplied) {
            read(start, count, x, y, offset, team.scratch(worker));
          }
          addBias(start, count, y, offset, team);
        });
  }

  private boolean multiply(
      int start, int count, Activations x, Activations y, int offset, Scratch scratch) {
    byte[] buffer = scratch.bytes(tensor.bufferSize());
    for (int i = 0; i < x.count(); i++) {
      int to = y.row(i) + offset + start;
      if (!tensor.multiply(first + start, count, x.values(), x.row(i), y.values(), to, buffer)) {
        return false;
      }
    }
    return true;
  }

  /** Multiplies rows that have to be decoded first. */
  private void read(
      int start, int count, Activations x, Activations y, int offset, Scratch scratch) {
    int together = tensor.rowsTogether();
    float[] decoded = scratch.floats(Scratch.Use.ROWS, together * columns);
    for (int row = start; row < start + count; row += together) {
      int some = Math.min(together, start + count - row);
      tensor.read(first + row, some, decoded, 0);
      multiply(decoded, some, x, y, offset + row, scratch);
    }
  }

  private void multiply(
      float[] decoded, int count, Activations x, Activations y, int column, Scratch scratch) {
    scratch
        .kernels()
        .multiplyRows(
            decoded,
            count,
            x.values(),
            x.row(0),
            x.stride(),
            x.count(),
            columns,
            y.values(),
            y.row(0) + column,
            y.stride());
  }

  private void applyToSome(Activations x, Activations y, int offset, Team team) {
    // few enough that all workers have some
    int near = Math.max(8, Math.min(PANEL, NEAR / columns / 4 * 4));
    int together = Math.max(near, tensor.rowsTogether());
    team.run(
        (rows + together - 1) / together,
        (task, worker) -> {
          int start = task * together;
          int count = Math.min(together, rows - start);
          Scratch scratch = team.scratch(worker);
          float[] decoded = scratch.floats(Scratch.Use.ROWS, together * columns);
          tensor.read(first + start, count, decoded, 0);
          multiply(decoded, count, x, y, offset + start, scratch);
          addBias(start, count, y, offset, team);
        });
  }

  private void addBias(int start, int count, Activations y, int offset, Team team) {
    if (bias != null) {
      for (int i = 0; i < y.count(); i++) {
        team.kernels().add(bias, start, y.values(), y.row(i) + offset + start, count);
      }
    }
  }

  private void applyToMany(Activations x, Activations y, int offset, Team team) {
    float[] packed = pack(x, team);
    team.run(
        (rows + PANEL - 1) / PANEL,
        (panel, worker) -> {
          Scratch scratch = team.scratch(worker);
          int start = panel * PANEL;
          int part = Math.min(PANEL, rows - start);
          float[] decoded = scratch.floats(Scratch.Use.ROWS, PANEL * columns);
          float[] side = scratch.floats(Scratch.Use.PANEL, PANEL * columns);
          tensor.read(first + start, part, decoded, 0);
          team.kernels().packRows(decoded, columns, part, columns, side);
          if (part == PANEL) {
            int at = offset + start;
            for (int i = 0; i < x.count(); i++) {
              begin(y.values(), y.row(i) + at, start, PANEL);
            }
            team.kernels()
                .multiply(
                    packed, 0, x.count(), columns, side, 0, PANEL, y.values(), at, y.stride());
          } else {
            float[] result = scratch.floats(Scratch.Use.RESULT, x.count() * PANEL);
            for (int i = 0; i < x.count(); i++) {
              begin(result, i * PANEL, start, part);
            }
            team.kernels()
                .multiply(packed, 0, x.count(), columns, side, 0, PANEL, result, 0, PANEL);
            for (int i = 0; i < x.count(); i++) {
              System.arraycopy(result, i * PANEL, y.values(), y.row(i) + offset + start, part);
            }
          }
        });
  }

  /** What sums start with. */
  private void begin(float[] y, int at, int row, int count) {
    if (bias == null) {
      Arrays.fill(y, at, at + count, 0);
    } else {
      System.arraycopy(bias, row, y, at, count);
    }
  }

  private float[] pack(Activations x, Team team) {
    float[] packed = team.packed(x.count() * columns);
    int groups = (x.count() + MatrixKernels.GROUP - 1) / MatrixKernels.GROUP;
    team.run(
        groups,
        (group, worker) -> {
          int start = group * MatrixKernels.GROUP;
          int count = Math.min(MatrixKernels.GROUP, x.count() - start);
          team.kernels()
              .packVectors(
                  x.values(), x.row(start), x.stride(), count, columns, packed, start * columns);
        });
    return packed;
  }

  /**
   * Adds the products of the transposed matrix: {@code x += Wᵀ y}.
   *
   * @param y {@link #rows} numbers a row from {@code offset}
   * @param x {@code [tokens][columns]}
   */
  void applyTransposed(Activations y, int offset, Activations x, Team team) {
    float[] decoded = new float[TOGETHER * columns + PANEL];
    float[] packed = new float[y.count() * TOGETHER];
    for (int start = 0; start < rows; start += TOGETHER) {
      int from = start;
      int some = Math.min(TOGETHER, rows - start);
      int part = tensor.rowsTogether();
      team.forEach(
          (some + part - 1) / part,
          i -> {
            int row = i * part;
            tensor.read(first + from + row, Math.min(part, some - row), decoded, row * columns);
          });
      team.kernels()
          .packVectors(
              y.values(), y.row(0) + offset + start, y.stride(), y.count(), some, packed, 0);
      team.forEach(
          (columns + PANEL - 1) / PANEL,
          panel ->
              team.kernels()
                  .multiply(
                      packed,
                      0,
                      y.count(),
                      some,
                      decoded,
                      panel * PANEL,
                      columns,
                      x.values(),
                      x.row(0) + panel * PANEL,
                      x.stride()));
    }
  }
}
