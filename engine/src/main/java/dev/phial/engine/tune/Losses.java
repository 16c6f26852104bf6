package dev.phial.engine.tune;

import dev.phial.choose.InputMoments;
import dev.phial.choose.Refinement;
import dev.phial.engine.run.Team;
import dev.phial.model.Role;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Stretch;
import dev.phial.quant.Format;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What a tensor would lose in each of some types: half the Fisher information of its errors, {@code
 * ½ Σ g² · Δ H Δᵀ}, of rows that stand for all.
 */
final class Losses {
  /** Rows of a matrix that are tried, at most. */
  private static final int SAMPLE = 1024;

  private final List<PlannedTensor> choices;
  private final double[] losses;

  /**
   * @param choices the tensor in every type that it may have
   */
  Losses(List<PlannedTensor> choices) {
    this.choices = choices;
    this.losses = new double[choices.size()];
  }

  String name() {
    return choices.getFirst().name();
  }

  Format format(int i) {
    return choices.get(i).format();
  }

  List<Knapsack.Option> options() {
    List<Knapsack.Option> options = new ArrayList<>();
    for (int i = 0; i < losses.length; i++) {
      options.add(new Knapsack.Option(choices.get(i).storedBytes(), losses[i]));
    }
    return options;
  }

  /** Whether it holds a parameter, in a role. */
  boolean holds(Weight weight, Role role) {
    return choices.getFirst().sources().stream()
        .anyMatch(source -> source.rows().weight() == weight && source.role() == role);
  }

  /**
   * Adds what those rows of a matrix lose that the tensor holds.
   *
   * @param matrix of a stack, from 0
   * @param role in which it is used
   * @param moments of its inputs, or of the gradients in its rows
   * @param factors of each row of the matrix: how much its errors count
   */
  void add(
      Weight weight, int matrix, Role role, InputMoments moments, double[] factors, Team team) {
    long start = matrix * (long) factors.length;
    for (Stretch source : choices.getFirst().sources()) {
      Rows rows = source.rows();
      long from = Math.max(start, rows.first());
      long to = Math.min(start + factors.length, rows.first() + rows.count());
      if (rows.weight() == weight && source.role() == role && from < to) {
        add(weight, from, Math.toIntExact(to - from), start, moments, factors, team);
      }
    }
  }

  private void add(
      Weight weight,
      long from,
      int rows,
      long start,
      InputMoments moments,
      double[] factors,
      Team team) {
    int step = Math.max(1, rows / SAMPLE);
    int count = (rows + step - 1) / step;
    int batches = (count + Refinement.ROWS - 1) / Refinement.ROWS;
    double[][] found = new double[batches][];
    float[] importance = moments.diagonal();
    team.forEach(
        batches,
        batch -> {
          int first = batch * Refinement.ROWS;
          double[] some = new double[Math.min(Refinement.ROWS, count - first)];
          for (int i = 0; i < some.length; i++) {
            some[i] = factors[Math.toIntExact(from - start) + (first + i) * step];
          }
          found[batch] =
              losses(weight, from + (long) first * step, step, moments, importance, some);
        });
    for (double[] part : found) {
      for (int i = 0; i < losses.length; i++) {
        losses[i] += part[i] * rows / count / 2;
      }
    }
  }

  private double[] losses(
      Weight weight,
      long first,
      int step,
      InputMoments moments,
      float[] importance,
      double[] factors) {
    int count = factors.length;
    int columns = choices.getFirst().columns();
    float[] values = new float[count * columns];
    float[] row = new float[columns];
    for (int i = 0; i < count; i++) {
      weight.read(first + (long) i * step, 1, row);
      System.arraycopy(row, 0, values, i * columns, columns);
    }
    double[] result = new double[choices.size()];
    float[] decoded = new float[values.length];
    for (int f = 0; f < result.length; f++) {
      Format format = format(f);
      byte[] bytes = new byte[Math.toIntExact(format.bytes(values.length))];
      format.encode(values, count, columns, importance, bytes, 0);
      format.decode(MemorySegment.ofArray(bytes), 0, decoded, 0, decoded.length);
      for (int i = 0; i < decoded.length; i++) {
        decoded[i] -= values[i];
      }
      double[] errors = moments.errors(decoded, count);
      for (int i = 0; i < count; i++) {
        result[f] += factors[i] * errors[i];
      }
    }
    return result;
  }
}
