package dev.phial.engine.calibrate;

import dev.phial.engine.run.Activations;
import dev.phial.engine.run.Observer;
import dev.phial.model.Weight;
import dev.phial.targets.gguf.ImportanceMatrixFile;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Sums up the squares of what flows into each matrix, column by column, as llama-imatrix does: in
 * single precision and in the order of the tokens. Chunks that are read at once have sums of their
 * own first, so that other machines may read them.
 */
public final class InputSquares implements Observer {
  private Map<String, Sums> some = new TreeMap<>(); // by GGUF name
  private final Map<String, Sums> all = new TreeMap<>();

  /**
   * Of one matrix, or of a stack of them.
   *
   * @param sums {@code [experts][columns]}
   * @param counts {@code [experts]}
   */
  public record Sums(float[][] sums, long[] counts) implements Serializable {
    private void add(Sums other) {
      for (int i = 0; i < counts.length; i++) {
        counts[i] += other.counts[i];
        for (int column = 0; column < sums[i].length; column++) {
          sums[i][column] += other.sums[i][column];
        }
      }
    }
  }

  /** Everything in the layers; embedding and output need more bits for other reasons. */
  @Override
  public void input(Weight weight, int expert, Activations input) {
    if (weight.layer() >= 0) {
      add(weight, expert, input);
    }
  }

  /** Adds the inputs of any matrix. */
  void add(Weight weight, int expert, Activations input) {
    int experts = expert < 0 ? 1 : Math.toIntExact(weight.shape().dimensions().getFirst());
    int columns = Math.toIntExact(weight.shape().columns());
    Sums entry =
        some.computeIfAbsent(
            weight.ggufName(), name -> new Sums(new float[experts][columns], new long[experts]));
    int place = Math.max(0, expert);
    float[] sums = entry.sums[place];
    float[] values = input.values();
    for (int row = 0; row < input.count(); row++) {
      addSquares(values, input.row(row), sums);
    }
    entry.counts[place] += input.count();
  }

  private static void addSquares(float[] values, int at, float[] sums) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += values[at + i] * values[at + i];
    }
  }

  /** What was collected of the chunks that were read since it was asked for last. */
  public Map<String, Sums> take() {
    Map<String, Sums> taken = some;
    some = new TreeMap<>();
    return taken;
  }

  /** Adds up what was collected of some chunks; they come in their order. */
  public void addAll(Map<String, Sums> sums) {
    sums.forEach((name, more) -> {
      Sums known = all.putIfAbsent(name, more);
      if (known != null) {
        known.add(more);
      }
    });
  }

  /** What was added up, for each matrix. */
  public List<ImportanceMatrixFile.Entry> entries() {
    return all.entrySet().stream()
        .map(entry -> {
          Sums found = entry.getValue();
          int columns = found.sums[0].length;
          float[] sums = new float[found.sums.length * columns];
          float[] counts = new float[found.counts.length];
          for (int i = 0; i < counts.length; i++) {
            System.arraycopy(found.sums[i], 0, sums, i * columns, columns);
            counts[i] = found.counts[i];
          }
          return new ImportanceMatrixFile.Entry(entry.getKey(), sums, counts);
        })
        .toList();
  }
}
