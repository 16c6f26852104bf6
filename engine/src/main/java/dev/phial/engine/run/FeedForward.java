package dev.phial.engine.run;

import dev.phial.quant.activation.ActivationPoint;
import java.util.ArrayList;
import java.util.List;

/** What a layer does with each token alone. */
sealed interface FeedForward {
  /** Computes {@code y} of every row of {@code x}; {@code y} has as many rows already. */
  void apply(Activations x, Activations y, Forward forward);

  /** Two matrices with GELU between them: Phi-1, 1.5, 2. */
  record Plain(Linear up, Linear down) implements FeedForward {
    @Override
    public void apply(Activations x, Activations y, Forward forward) {
      Activations inner = forward.inner(x.count());
      forward.multiply(up, x, inner, 0);
      forward.tap(ActivationPoint.UP, inner, up.rows());
      forward.forEachRow(
          inner.count(), row -> forward.kernels().gelu(inner.values(), inner.row(row), up.rows()));
      forward.tap(ActivationPoint.FEED_FORWARD_PRODUCT, inner, up.rows());
      forward.multiply(down, inner, y, 0);
    }
  }

  /** Gate and up projection in one matrix, {@code silu(gate) · up}: Phi-3 and Phi-4. */
  record Gated(Linear gateUp, Linear down) implements FeedForward {
    @Override
    public void apply(Activations x, Activations y, Forward forward) {
      int width = down.columns();
      Activations both = forward.inner(x.count());
      Activations product = forward.product(x.count());
      forward.multiply(gateUp, x, both, 0);
      forward.tap(ActivationPoint.GATE, both, 0, width);
      forward.tap(ActivationPoint.UP, both, width, width);
      if (forward.isOpen(ActivationPoint.GATE_SIGMOID)) {
        multiplyInSteps(both, product, width, forward);
      } else {
        forward.forEachRow(
            x.count(),
            row -> {
              int at = both.row(row);
              forward
                  .kernels()
                  .siluTimes(
                      both.values(),
                      at,
                      both.values(),
                      at + width,
                      product.values(),
                      product.row(row),
                      width);
            });
      }
      forward.tap(ActivationPoint.FEED_FORWARD_PRODUCT, product, width);
      forward.multiply(down, product, y, 0);
    }

    /** The same with every step shown. */
    private static void multiplyInSteps(
        Activations both, Activations product, int width, Forward forward) {
      Activations sigmoid = new Activations(width);
      sigmoid.resize(both.count());
      forward.forEachRow(
          both.count(),
          row -> {
            for (int i = 0; i < width; i++) {
              float gate = both.values()[both.row(row) + i];
              sigmoid.values()[sigmoid.row(row) + i] = (float) (1 / (1 + Math.exp(-gate)));
            }
          });
      forward.tap(ActivationPoint.GATE_SIGMOID, sigmoid, width);
      forward.forEachRow(
          both.count(),
          row -> {
            for (int i = 0; i < width; i++) {
              sigmoid.values()[sigmoid.row(row) + i] *= both.values()[both.row(row) + i];
            }
          });
      forward.tap(ActivationPoint.ACTIVATED_GATE, sigmoid, width);
      forward.forEachRow(
          both.count(),
          row -> {
            for (int i = 0; i < width; i++) {
              product.values()[product.row(row) + i] =
                  sigmoid.values()[sigmoid.row(row) + i] * both.values()[both.row(row) + width + i];
            }
          });
    }
  }

  /** One matrix with gate and linear part by turns: Phi-3-small. */
  record Gegelu(Linear up, Linear down, float limit) implements FeedForward {
    @Override
    public void apply(Activations x, Activations y, Forward forward) {
      int width = down.columns();
      Activations pairs = forward.inner(x.count());
      Activations product = forward.product(x.count());
      forward.multiply(up, x, pairs, 0);
      forward.forEachRow(
          x.count(),
          row ->
              forward
                  .kernels()
                  .gegelu(
                      pairs.values(),
                      pairs.row(row),
                      limit,
                      product.values(),
                      product.row(row),
                      width));
      forward.tap(ActivationPoint.FEED_FORWARD_PRODUCT, product, width);
      forward.multiply(down, product, y, 0);
    }
  }

  /** One of several gated feed-forward layers. */
  record Expert(Linear gate, Linear up, Linear down) {}

  /** Two experts per token, chosen by SparseMixer: Phi-3.5-MoE. */
  record Experts(Linear router, List<Expert> experts, float jitter) implements FeedForward {
    /** One of a token's choices. */
    private record Choice(int token, float weight) {}

    @Override
    public void apply(Activations x, Activations y, Forward forward) {
      Activations scores = forward.inner(x.count());
      forward.multiply(router, x, scores, 0);
      List<List<Choice>> choices = choices(scores);
      forward.forEachRow(
          y.count(),
          row -> java.util.Arrays.fill(y.values(), y.row(row), y.row(row) + y.columns(), 0));
      for (int i = 0; i < experts.size(); i++) {
        if (!choices.get(i).isEmpty()) {
          apply(experts.get(i), choices.get(i), x, y, forward);
        }
      }
    }

    private static void apply(
        Expert expert, List<Choice> choices, Activations x, Activations y, Forward forward) {
      int width = expert.down.columns();
      Activations input = forward.gathered(choices.size());
      Activations gate = forward.inner(choices.size());
      Activations up = forward.product(choices.size());
      for (int i = 0; i < choices.size(); i++) {
        input.copy(i, x, choices.get(i).token);
      }
      forward.multiply(expert.gate, input, gate, 0);
      forward.multiply(expert.up, input, up, 0);
      forward.forEachRow(
          choices.size(),
          row ->
              forward
                  .kernels()
                  .siluTimes(
                      gate.values(),
                      gate.row(row),
                      up.values(),
                      up.row(row),
                      gate.values(),
                      gate.row(row),
                      width));
      forward.tap(ActivationPoint.FEED_FORWARD_PRODUCT, gate, width);
      forward.multiply(expert.down, gate, input, 0);
      for (int i = 0; i < choices.size(); i++) {
        Choice choice = choices.get(i);
        forward
            .kernels()
            .addScaled(
                input.values(),
                input.row(i),
                choice.weight,
                y.values(),
                y.row(choice.token),
                y.columns());
      }
    }

    private List<List<Choice>> choices(Activations scores) {
      List<List<Choice>> choices = new ArrayList<>();
      for (int i = 0; i < experts.size(); i++) {
        choices.add(new ArrayList<>());
      }
      for (int token = 0; token < scores.count(); token++) {
        int best = choose(scores, token, -1, choices);
        choose(scores, token, best, choices);
      }
      return choices;
    }

    /**
     * Takes the best expert but {@code taken}, if any, with its share among those that come near
     * it: {@code sparsemixer} of {@code modeling_phimoe.py}. The shares of two choices do not add
     * up to one.
     */
    private int choose(Activations scores, int token, int taken, List<List<Choice>> choices) {
      float[] values = scores.values();
      int at = scores.row(token);
      int best = -1;
      for (int i = 0; i < experts.size(); i++) {
        if (i != taken && (best < 0 || values[at + i] > values[at + best])) {
          best = i;
        }
      }
      if (best < 0) {
        return -1;
      }
      float most = values[at + best];
      float sum = 0;
      for (int i = 0; i < experts.size(); i++) {
        float score = values[at + i];
        float distance = (most - score) / Math.max(Math.abs(score), most);
        if (i != taken && !(distance > 2 * jitter)) {
          sum += (float) Math.exp(score - most);
        }
      }
      choices.get(best).add(new Choice(token, 1 / sum));
      return best;
    }
  }
}
