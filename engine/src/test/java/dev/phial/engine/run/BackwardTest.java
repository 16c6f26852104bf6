package dev.phial.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.engine.Fixtures;
import dev.phial.model.Families;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients are how far predictions move when what a matrix gives is pushed a little. */
final class BackwardTest {
  private static final int TOKENS = 40;
  private static final long SEED = 5;

  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,ATTENTION_QKV,QUERY,0",
    "tiny-phi3,ATTENTION_QKV,KEY,256",
    "tiny-phi3,ATTENTION_OUTPUT,ATTENTION_OUTPUT,0",
    "tiny-phi3,FFN_GATE_UP,GATE,0",
    "tiny-phi3,FFN_DOWN,FEED_FORWARD_OUTPUT,0",
    "phi4-mini,ATTENTION_QKV,QUERY,0",
    "phi4-mini,FFN_GATE_UP,GATE,0",
    "phi2,ATTENTION_Q,QUERY,0",
    "phi2,ATTENTION_V,VALUE,0",
    "phi2,FFN_UP,UP,0",
    "phi2,FFN_DOWN,FEED_FORWARD_OUTPUT,0",
    "phi3-small-8k,ATTENTION_OUTPUT,ATTENTION_OUTPUT,0",
    "phi3-small-8k,FFN_DOWN,FEED_FORWARD_OUTPUT,0"
  })
  void isTheSlopeOfWhatIsPredicted(String name, Role role, ActivationPoint point, int offset) {
    int[] text = new Random(1).ints(TOKENS, 5, 1000).toArray();
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(name));
        Team team = new Team(2)) {
      Model model = Model.of(Families.describe(checkpoint));
      List<float[]> gradients = gradients(model, team, text, role);
      Random random = new Random(2);
      float[][] push = new float[TOKENS][];
      double expected = 0;
      for (int token = 0; token < TOKENS; token++) {
        push[token] = new float[32];
        for (int i = 0; i < push[token].length; i++) {
          push[token][i] = (float) random.nextGaussian();
          expected += push[token][i] * gradients.get(token)[offset + i];
        }
      }
      int[] drawn = drawn(model, team, text);
      double step = 2e-3;
      double up = predicted(model, text, drawn, point, push, step);
      double down = predicted(model, text, drawn, point, push, -step);
      double found = (up - down) / (2 * step);
      assertThat(found).isCloseTo(expected, within(0.02 * Math.abs(expected) + 0.02));
    }
  }

  /** Of a matrix in the first layer. */
  private static List<float[]> gradients(Model model, Team team, int[] text, Role role) {
    List<float[]> found = new ArrayList<>();
    Backward.Observer observer =
        new Backward.Observer() {
          @Override
          public void embedding(Activations gradients) {
            assertThat(gradients.count()).isEqualTo(TOKENS);
          }

          @Override
          public void output(Weight weight, int matrix, Activations gradients) {
            for (int i = 0; weight.role() == role && weight.layer() == 0 && i < TOKENS; i++) {
              float[] row = new float[gradients.columns()];
              System.arraycopy(gradients.values(), gradients.row(i), row, 0, row.length);
              found.add(row);
            }
          }
        };
    try (Backward backward = new Backward(model, team, observer)) {
      backward.run(text, SEED);
    }
    return found;
  }

  private static int[] drawn(Model model, Team team, int[] text) {
    double[] draws = new SplittableRandom(SEED).doubles(TOKENS).toArray();
    Activations logits = logits(new Forward(model, team, Observer.NONE, Taps.NONE), text);
    int[] drawn = new int[TOKENS];
    for (int token = 0; token < TOKENS; token++) {
      double[] p = probabilities(logits, token);
      double sum = 0;
      for (int i = 0; i < p.length && sum < draws[token]; i++) {
        sum += p[i];
        drawn[token] = i;
      }
    }
    return drawn;
  }

  private static double predicted(
      Model model, int[] text, int[] drawn, ActivationPoint point, float[][] push, double step) {
    int[] next = {0};
    Taps taps =
        new Taps() {
          @Override
          public boolean isOpen(ActivationPlace place) {
            return place.equals(point.in(0));
          }

          @Override
          public synchronized void flow(
              ActivationPlace place, float[] values, int from, int count) {
            int token = next[0]++;
            for (int i = 0; i < push[token].length; i++) {
              values[from + i] += (float) (step * push[token][i]);
            }
          }
        };
    try (Team alone = new Team(1)) { // one token after the other
      Activations logits = logits(new Forward(model, alone, Observer.NONE, taps), text);
      double sum = 0;
      for (int token = 0; token < TOKENS; token++) {
        sum += Math.log(probabilities(logits, token)[drawn[token]]);
      }
      assertThat(next[0]).isEqualTo(TOKENS);
      return sum;
    }
  }

  private static Activations logits(Forward forward, int[] text) {
    try (Session session = new Session(forward, CacheType.F32)) {
      Activations states = session.append(text, text.length);
      Activations logits = forward.newLogits();
      forward.logits(states, 0, text.length, logits);
      return logits;
    }
  }

  private static double[] probabilities(Activations logits, int token) {
    double[] p = new double[logits.columns()];
    double most = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < p.length; i++) {
      p[i] = logits.values()[logits.row(token) + i];
      most = Math.max(most, p[i]);
    }
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      p[i] = Math.exp(p[i] - most);
      sum += p[i];
    }
    for (int i = 0; i < p.length; i++) {
      p[i] /= sum;
    }
    return p;
  }
}
