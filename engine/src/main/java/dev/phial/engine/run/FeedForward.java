package dev.phial.engine.run;

import dev.phial.quant.activation.ActivationPoint;
import java.util.ArrayList;
import java.util.List;

/** What a layer does with each token alone. */
sealed interface FeedForward {
  /** Computes {@code y} of every row of {@code x}; {@code y} has as many rows already. */
  void apply(Activations x, Activations y, Forward forward);

  /** One pair of matrices for all tokens. */
  sealed interface Dense extends FeedForward {
    /** What reads {@code x}. */
    Linear first();

    Linear down();

    /** What {@link #down} reads; it is overwritten by the next call. */
    Activations inner(Activations x, Forward forward);

    @Override
    default void apply(Activations x, Activations y, Forward forward) {
      forward.multiply(down(), inner(x, forward), y, 0);
    }
  }

  /** Two matrices with GELU between them: Phi-1, 1.5, 2. */
  record Plain(Linear first, Linear down) implements Dense {
    @Override
    public Activations inner(Activations x, Forward forward) {
      Activations inner = forward.inner(x.count());
      int width = first.rows();
      forward.multiply(first, x, inner, 0);
      forward.tap(ActivationPoint.UP, inner, width);
      forward.forEachRow(
          inner.count(), row -> forward.kernels().gelu(inner.values(), inner.row(row), width));
      forward.tap(ActivationPoint.FEED_FORWARD_PRODUCT, inner, width);
      return inner;
    }
  }

  /** Gate and up projection in one matrix, {@code silu(gate) · up}: Phi-3 and Phi-4. */
  record Gated(Linear first, Linear down) implements Dense {
    @Override
    public Activations inner(Activations x, Forward forward) {
      int width = down.columns();
      Activations both = forward.inner(x.count());
      Activations product = forward.product(x.count());
      forward.multiply(first, x, both, 0);
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
      return product;
    }

    /** Multiplies with every step shown. */
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
  record Gegelu(Linear first, Linear down, float limit) implements Dense {
    @Override
    public Activations inner(Activations x, Forward forward) {
      int width = down.columns();
      Activations pairs = forward.inner(x.count());
      Activations product = forward.product(x.count());
      forward.multiply(first, x, pairs, 0);
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
      return product;
    }
  }

  /** One of several gated feed-forward layers. */
  record Expert(Linear gate, Linear up, Linear down) {
    /** What {@link #down} reads; it is overwritten by the next call. */
    Activations inner(Activations input, Forward forward) {
      int width = down.columns();
      Activations both = forward.inner(input.count());
      Activations linear = forward.product(input.count());
      forward.multiply(gate, input, both, 0);
      forward.multiply(up, input, linear, 0);
      forward.forEachRow(
          input.count(),
          row ->
              forward
                  .kernels()
                  .siluTimes(
                      both.values(),
                      both.row(row),
                      linear.values(),
                      linear.row(row),
                      both.values(),
                      both.row(row),
                      width));
      forward.tap(ActivationPoint.FEED_FORWARD_PRODUCT, both, width);
      return both;
    }
  }

  /** Two experts per token, chosen by SparseMixer: Phi-3.5-MoE. */
  record Experts(Linear router, List<Expert> experts, float jitter) implements FeedForward {
    /** One of a token's choices. */
    record Choice(int token, float weight) {}

    @Override
    public void apply(Activations x, Activations y, Forward forward) {
      List<List<Choice>> choices = choices(x, forward);
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
      Activations inner = expert.inner(gather(choices, x, forward), forward);
      add(expert, choices, inner, y, forward);
    }

    /** The inputs of the tokens that chose an expert. */
    static Activations gather(List<Choice> choices, Activations x, Forward forward) {
      Activations input = forward.gathered(choices.size());
      for (int i = 0; i < choices.size(); i++) {
        input.copy(i, x, choices.get(i).token);
      }
      return input;
    }

    /** Adds what an expert makes of its tokens. */
    static void add(
        Expert expert, List<Choice> choices, Activations inner, Activations y, Forward forward) {
      Activations input = forward.gathered(choices.size());
      forward.multiply(expert.down, inner, input, 0);
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

    /** The tokens that choose each expert. */
    List<List<Choice>> choices(Activations x, Forward forward) {
      Activations scores = forward.inner(x.count());
      forward.multiply(router, x, scores, 0);
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
