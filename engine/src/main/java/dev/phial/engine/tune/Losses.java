package dev.phial.engine.tune;

import dev.phial.choose.InputMoments;
import dev.phial.choose.Refinement;
import dev.phial.engine.run.Team;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Format;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What each tensor would lose in each of some types: half the Fisher information of its errors,
 * {@code ½ Σ g² · Δ H Δᵀ}, of rows that stand for all.
 */
final class Losses {
  /** Rows of a matrix that are tried, at most. */
  private static final int SAMPLE = 1024;

  private final PlannedTensor tensor;
  private final List<Format> formats;
  private final double[] losses;

  Losses(PlannedTensor tensor, List<Format> formats) {
    this.tensor = tensor;
    this.formats = formats.stream().filter(f -> tensor.columns() % f.blockSize() == 0).toList();
    this.losses = new double[this.formats.size()];
  }

  PlannedTensor tensor() {
    return tensor;
  }

  Format format(int i) {
    return formats.get(i);
  }

  List<Knapsack.Option> options() {
    List<Knapsack.Option> options = new ArrayList<>();
    for (int i = 0; i < losses.length; i++) {
      long bytes = formats.get(i).bytes(tensor.shape().elements());
      options.add(new Knapsack.Option(bytes, losses[i]));
    }
    return options;
  }

  /**
   * Adds what one matrix loses.
   *
   * @param matrix of a stack, from 0
   * @param moments of its inputs, or of the gradients in its rows
   * @param factors of each row: how much its errors count
   */
  void add(Weight weight, int matrix, InputMoments moments, double[] factors, Team team) {
    int rows = factors.length;
    int step = Math.max(1, rows / SAMPLE);
    int count = (rows + step - 1) / step;
    int batches = (count + Refinement.ROWS - 1) / Refinement.ROWS;
    double[][] found = new double[batches][];
    float[] importance = moments.diagonal();
    team.forEach(
        batches,
        batch -> {
          int first = batch * Refinement.ROWS;
          int some = Math.min(Refinement.ROWS, count - first);
          found[batch] =
              losses(weight, matrix * (long) rows, first, some, step, moments, importance, factors);
        });
    for (double[] part : found) {
      for (int i = 0; i < losses.length; i++) {
        losses[i] += part[i] * rows / count / 2;
      }
    }
  }

  private double[] losses(
      Weight weight,
      long start,
      int first,
      int count,
      int step,
      InputMoments moments,
      float[] importance,
      double[] factors) {
    int columns = tensor.columns();
    float[] values = new float[count * columns];
    float[] row = new float[columns];
    for (int i = 0; i < count; i++) {
      weight.read(start + (long) (first + i) * step, 1, row);
      System.arraycopy(row, 0, values, i * columns, columns);
    }
    double[] result = new double[formats.size()];
    float[] decoded = new float[values.length];
    for (int f = 0; f < result.length; f++) {
      Format format = formats.get(f);
      byte[] bytes = new byte[Math.toIntExact(format.bytes(values.length))];
      format.encode(values, count, columns, importance, bytes, 0);
      format.decode(MemorySegment.ofArray(bytes), 0, decoded, 0, decoded.length);
      for (int i = 0; i < decoded.length; i++) {
        decoded[i] -= values[i];
      }
      double[] errors = moments.errors(decoded, count);
      for (int i = 0; i < count; i++) {
        result[f] += factors[(first + i) * step] * errors[i];
      }
    }
    return result;
  }
}
