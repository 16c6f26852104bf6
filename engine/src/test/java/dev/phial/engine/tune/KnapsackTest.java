package dev.phial.engine.tune;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Against all choices there are, where there are few. */
final class KnapsackTest {
  @Test
  void isNearTheBestChoiceAndKnowsHowNear() {
    Random random = new Random(1);
    int best = 0;
    int rounds = 200;
    for (int round = 0; round < rounds; round++) {
      List<List<Knapsack.Option>> items = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        List<Knapsack.Option> options = new ArrayList<>();
        int size = 1 + random.nextInt(50);
        double loss = random.nextDouble();
        for (int bits = 2; bits < 7; bits++) {
          options.add(
              new Knapsack.Option(
                  (long) size * bits, loss * Math.pow(4, -bits) * (0.7 + random.nextDouble())));
        }
        items.add(options);
      }
      Knapsack knapsack = new Knapsack(items);
      long budget = knapsack.least() * (130 + random.nextInt(150)) / 100;
      Knapsack.Result found = knapsack.solve(budget);
      double expected = bruteForce(items, 0, budget);
      assertThat(found.bytes()).isLessThanOrEqualTo(budget);
      assertThat(found.loss()).isBetween(expected * 0.999999, expected * 1.1);
      assertThat(found.bound()).isLessThanOrEqualTo(expected * 1.000001);
      if (found.loss() <= expected * 1.000001) {
        best++;
      }
    }
    assertThat(best).isGreaterThan(rounds * 9 / 10);
  }

  private static double bruteForce(List<List<Knapsack.Option>> items, int from, long budget) {
    if (budget < 0) {
      return Double.POSITIVE_INFINITY;
    }
    if (from == items.size()) {
      return 0;
    }
    double best = Double.POSITIVE_INFINITY;
    for (Knapsack.Option option : items.get(from)) {
      best = Math.min(best, option.loss() + bruteForce(items, from + 1, budget - option.bytes()));
    }
    return best;
  }
}
