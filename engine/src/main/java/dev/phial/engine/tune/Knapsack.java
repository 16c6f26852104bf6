package dev.phial.engine.tune;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Takes one option for each item, so that the loss is as small as a budget of bytes allows: by the
 * Lagrangian, whose best value no choice can beat, and by exchanges that fill what it leaves.
 */
final class Knapsack {
  private final List<List<Option>> items;

  /** What an item may cost and lose. */
  record Option(long bytes, double loss) {}

  /**
   * What was taken.
   *
   * @param taken which option of each item
   * @param bound no choice within the budget loses less
   */
  record Result(int[] taken, long bytes, double loss, double bound) {}

  /**
   * @param items each with at least one option
   */
  Knapsack(List<List<Option>> items) {
    this.items = items;
  }

  /** The smallest budget that can be kept. */
  long least() {
    return items.stream()
        .mapToLong(item -> item.stream().mapToLong(Option::bytes).min().orElse(0))
        .sum();
  }

  /** An exchange of one option for a larger one. */
  private record Step(int item, int option, long bytes, double gain) {
    double rate() {
      return gain / bytes;
    }
  }

  /**
   * Solves it.
   *
   * @throws IllegalArgumentException if the budget is below {@link #least}
   */
  Result solve(long budget) {
    int[] taken = smallest();
    long left = budget - bytes(taken);
    if (left < 0) {
      throw new IllegalArgumentException("a budget of %d bytes cannot be kept".formatted(budget));
    }
    // along the lower hull of each item, by gain a byte: the solutions of the Lagrangian
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      addHull(i, taken[i], steps);
    }
    steps.sort(Comparator.comparingDouble(Step::rate).reversed());
    double bound = loss(taken);
    boolean isOpen = true;
    for (Step step : steps) {
      if (isOpen) {
        double share = Math.min(1, (double) left / step.bytes());
        bound -= share * step.gain();
        isOpen = share == 1;
      }
      if (isOpen) {
        taken[step.item()] = step.option();
        left -= step.bytes();
      }
    }
    improve(taken, budget);
    return new Result(taken, bytes(taken), loss(taken), bound);
  }

  private int[] smallest() {
    int[] taken = new int[items.size()];
    for (int i = 0; i < taken.length; i++) {
      List<Option> options = items.get(i);
      for (int k = 1; k < options.size(); k++) {
        Option found = options.get(taken[i]);
        Option other = options.get(k);
        if (other.bytes < found.bytes || other.bytes == found.bytes && other.loss < found.loss) {
          taken[i] = k;
        }
      }
    }
    return taken;
  }

  private void addHull(int item, int from, List<Step> steps) {
    List<Option> options = items.get(item);
    int at = from;
    while (true) {
      int best = -1;
      double bestRate = 0;
      for (int k = 0; k < options.size(); k++) {
        long more = options.get(k).bytes - options.get(at).bytes;
        double rate = (options.get(at).loss - options.get(k).loss) / Math.max(1, more);
        if (more > 0 && rate > bestRate) {
          best = k;
          bestRate = rate;
        }
      }
      if (best < 0) {
        return;
      }
      steps.add(
          new Step(
              item,
              best,
              options.get(best).bytes - options.get(at).bytes,
              options.get(at).loss - options.get(best).loss));
      at = best;
    }
  }

  /** Exchanges of one or two items, as long as one gains. */
  private void improve(int[] taken, long budget) {
    boolean gains = true;
    while (gains) {
      gains = false;
      long left = budget - bytes(taken);
      double best = 1e-15;
      int[] change = null;
      for (int i = 0; i < taken.length; i++) {
        for (int k = 0; k < items.get(i).size(); k++) {
          long more = more(taken, i, k);
          double gain = gain(taken, i, k);
          if (more <= left && gain > best) {
            best = gain;
            change = new int[] {i, k};
          }
          for (int j = 0; gain > best && j < taken.length; j++) {
            for (int l = 0; j != i && l < items.get(j).size(); l++) {
              double both = gain + gain(taken, j, l);
              if (more + more(taken, j, l) <= left && both > best) {
                best = both;
                change = new int[] {i, k, j, l};
              }
            }
          }
        }
      }
      if (change != null) {
        gains = true;
        for (int i = 0; i < change.length; i += 2) {
          taken[change[i]] = change[i + 1];
        }
      }
    }
  }

  private long more(int[] taken, int item, int option) {
    List<Option> options = items.get(item);
    return options.get(option).bytes - options.get(taken[item]).bytes;
  }

  private double gain(int[] taken, int item, int option) {
    List<Option> options = items.get(item);
    return options.get(taken[item]).loss - options.get(option).loss;
  }

  private long bytes(int[] taken) {
    long sum = 0;
    for (int i = 0; i < taken.length; i++) {
      sum += items.get(i).get(taken[i]).bytes;
    }
    return sum;
  }

  private double loss(int[] taken) {
    double sum = 0;
    for (int i = 0; i < taken.length; i++) {
      sum += items.get(i).get(taken[i]).loss;
    }
    return sum;
  }
}
