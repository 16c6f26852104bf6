package dev.phial.engine.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.phial.PhialException;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class SamplerTest {
  /** Probabilities 0.4, 0.3, 0.2 and 0.1 of tokens 2, 0, 3 and 1. */
  private static final float[] LOGITS = logs(0.3, 0.1, 0.4, 0.2);

  private static float[] logs(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]) + 5;
    }
    return logits;
  }

  private static double[] frequencies(Sampling sampling, float[] logits) {
    Sampler sampler = new Sampler(sampling, 7);
    int draws = 40_000;
    double[] counts = new double[logits.length];
    for (int i = 0; i < draws; i++) {
      counts[sampler.next(logits)] += 1.0 / draws;
    }
    return counts;
  }

  private static void assertFrequencies(Sampling sampling, double... expected) {
    double[] found = frequencies(sampling, LOGITS);
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i]).isCloseTo(expected[i], within(expected[i] == 0 ? 0 : 0.01));
    }
  }

  @Test
  void drawsByProbability() {
    assertFrequencies(new Sampling(1, 0, 1, 0, 1), 0.3, 0.1, 0.4, 0.2);
  }

  @Test
  void temperatureSharpens() {
    // squares: 9, 1, 16, 4 of 30
    assertFrequencies(new Sampling(0.5, 0, 1, 0, 1), 0.3, 1 / 30.0, 16 / 30.0, 4 / 30.0);
  }

  @Test
  void topKKeepsTheMostProbable() {
    assertFrequencies(new Sampling(1, 2, 1, 0, 1), 3 / 7.0, 0, 4 / 7.0, 0);
    assertFrequencies(new Sampling(1, 99, 1, 0, 1), 0.3, 0.1, 0.4, 0.2);
  }

  @Test
  void topPKeepsWhatReachesIt() {
    assertFrequencies(new Sampling(1, 0, 0.65, 0, 1), 3 / 7.0, 0, 4 / 7.0, 0);
    assertFrequencies(new Sampling(1, 0, 0.75, 0, 1), 3 / 9.0, 0, 4 / 9.0, 2 / 9.0);
    assertFrequencies(new Sampling(1, 0, 0.01, 0, 1), 0, 0, 1, 0);
    // of what top-k leaves: 4/7 < 0.6
    assertFrequencies(new Sampling(1, 2, 0.6, 0, 1), 3 / 7.0, 0, 4 / 7.0, 0);
    assertFrequencies(new Sampling(1, 2, 0.5, 0, 1), 0, 0, 1, 0);
  }

  @Test
  void minPKeepsWhatIsNearTheMostProbable() {
    assertFrequencies(new Sampling(1, 0, 1, 0.45, 1), 3 / 9.0, 0, 4 / 9.0, 2 / 9.0);
    assertFrequencies(new Sampling(1, 0, 1, 1, 1), 0, 0, 1, 0);
  }

  @Test
  void equalTokensAreTakenInOrder() {
    float[] equal = {1, 1, 1, 1};
    assertThat(new Sampler(Sampling.GREEDY, 1).next(equal)).isZero();
    assertThat(frequencies(new Sampling(1, 2, 1, 0, 1), equal)[2]).isZero();
    assertThat(frequencies(new Sampling(1, 2, 1, 0, 1), equal)[1]).isCloseTo(0.5, within(0.02));
  }

  @Test
  void greedyTakesTheMostProbable() {
    assertThat(new Sampler(Sampling.GREEDY, 1).next(LOGITS)).isEqualTo(2);
    assertThat(new Sampler(new Sampling(0.9, 1, 1, 0, 1), 1).next(LOGITS)).isEqualTo(2);
  }

  @Test
  void repetitionPenaltyCountsWhatIsThere() {
    Sampler sampler = new Sampler(new Sampling(0, 0, 1, 0, 2), 1);
    sampler.accept(0);
    float[] logits = {3, -1, 2, -3};
    assertThat(sampler.next(logits)).isEqualTo(2); // 1.5, -1, 2, -3
    assertThat(sampler.next(logits)).isZero(); // 1.5, -1, 1, -3
    assertThat(sampler.next(new float[] {-1, -1.5f, -3, -4})).isEqualTo(1); // -2, -1.5, -6, -4
    assertThat(logits).containsExactly(3, -1, 2, -3);
  }

  @Test
  void seedDecides() {
    float[] logits = new float[5000];
    Random random = new Random(1);
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) random.nextGaussian();
    }
    Sampling sampling = new Sampling(0.8, 0, 0.95, 0.001, 1.1);
    assertThat(draws(sampling, 42, logits)).isEqualTo(draws(sampling, 42, logits));
    assertThat(draws(sampling, 42, logits)).isNotEqualTo(draws(sampling, 43, logits));
    // fixed for ever: who notes a seed wants the same text back
    assertThat(new Sampler(new Sampling(1, 0, 1, 0, 1), 42).next(LOGITS)).isEqualTo(3);
  }

  private static int[] draws(Sampling sampling, long seed, float[] logits) {
    Sampler sampler = new Sampler(sampling, seed);
    return IntStream.range(0, 20).map(i -> sampler.next(logits)).toArray();
  }

  /** The short way around a large vocabulary leaves what the long way would. */
  @Test
  void topPOfManyTokensIsExact() {
    float[] logits = new float[3000];
    Random random = new Random(5);
    for (int i = 0; i < logits.length; i++) {
      logits[i] = 3 * (float) random.nextGaussian();
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit);
    }
    Set<Integer> nucleus = new TreeSet<>();
    double together = 0;
    for (int id :
        IntStream.range(0, logits.length)
            .boxed()
            .sorted((a, b) -> Float.compare(logits[b], logits[a]))
            .toList()) {
      if (together < 0.7 * sum) {
        nucleus.add(id);
        together += Math.exp(logits[id]);
      }
    }
    double[] found = frequencies(new Sampling(1, 0, 0.7, 0, 1), logits);
    assertThat(IntStream.range(0, found.length).filter(id -> found[id] > 0).boxed().toList())
        .isSubsetOf(nucleus)
        .hasSizeGreaterThan(nucleus.size() / 2);
  }

  @Test
  void refusesWhatIsNoNumber() {
    for (float[] bad :
        new float[][] {
          {1, Float.NaN},
          {Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY},
          {1, Float.POSITIVE_INFINITY},
          {}
        }) {
      assertThatThrownBy(() -> new Sampler(Sampling.GREEDY, 1).next(bad))
          .isInstanceOf(PhialException.BadInput.class)
          .hasMessageContaining("expected numbers as the model's output");
    }
    float[] masked = {1, Float.NEGATIVE_INFINITY};
    assertThat(frequencies(new Sampling(1, 0, 1, 0, 1), masked)[1]).isZero();
  }
}
