package dev.phial.engine.eval;

import dev.phial.engine.run.Activations;
import dev.phial.engine.run.Observer;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What each layer reads, after its norm, for some tokens of a text: how far it is from what the
 * reference reads there shows where error comes in, and whether later layers mend it. The norm puts
 * all tokens and layers on one scale.
 *
 * <p>A few tokens are enough, the differences among layers being much larger than those among
 * samples.
 */
final class HiddenStates implements Observer {
  /** Tokens of a text that are looked at, about. */
  private static final int SAMPLES = 16;

  /** Every so many tokens one is looked at. */
  private final int interval;

  private final List<float[]> expected; // of the reference, in the order in which they come
  private final boolean isReference;
  private final List<double[]> errors = new ArrayList<>(); // [layers + 1][squares, of errors]
  private int next;

  private HiddenStates(int interval, List<float[]> expected, boolean isReference) {
    this.interval = interval;
    this.expected = expected;
    this.isReference = isReference;
  }

  /**
   * @param tokens that will be read
   */
  static HiddenStates ofReference(int tokens) {
    return new HiddenStates(Math.max(1, tokens / SAMPLES), new ArrayList<>(), true);
  }

  /** To compare with these, when the same tokens are read by another model. */
  HiddenStates ofCandidate() {
    return new HiddenStates(interval, expected, false);
  }

  @Override
  public void input(Weight weight, int expert, Activations input) {
    if (weight.role() == Role.ATTENTION_QKV || weight.role() == Role.ATTENTION_Q) {
      look(weight.layer(), input, Math.toIntExact(weight.shape().columns()));
    }
  }

  /** What the output matrix reads. */
  void last(Activations states) {
    look(errors.size(), states, states.columns());
  }

  /**
   * @param columns of what is read, whose memory may be for more
   */
  private void look(int layer, Activations states, int columns) {
    while (errors.size() <= layer) {
      errors.add(new double[2]);
    }
    for (int row = states.count() - 1; row >= 0; row -= interval) {
      int at = states.row(row);
      if (isReference) {
        expected.add(Arrays.copyOfRange(states.values(), at, at + columns));
      } else {
        add(expected.get(next++), states.values(), at, errors.get(layer));
      }
    }
  }

  private static void add(float[] reference, float[] values, int at, double[] sums) {
    for (int i = 0; i < reference.length; i++) {
      double error = (double) values[at + i] - reference[i];
      sums[0] += (double) reference[i] * reference[i];
      sums[1] += error * error;
    }
  }

  /** Sums of squares and of squared errors, of what each layer reads and of what the last gives. */
  List<double[]> errors() {
    return errors;
  }

  /** Adds up texts. */
  static final class Sum {
    private final double[] squares;
    private final double[] errors;

    Sum(int places) {
      squares = new double[places];
      errors = new double[places];
    }

    void add(double[][] layers) {
      for (int i = 0; i < squares.length; i++) {
        squares[i] += layers[i][0];
        errors[i] += layers[i][1];
      }
    }

    /** Relative errors: roots of mean squares. */
    List<Double> result() {
      List<Double> result = new ArrayList<>();
      for (int i = 0; i < squares.length; i++) {
        result.add(squares[i] == 0 ? 0 : Math.sqrt(errors[i] / squares[i]));
      }
      return result;
    }
  }
}
