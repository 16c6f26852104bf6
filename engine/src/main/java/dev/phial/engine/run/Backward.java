package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Rotary;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The gradients of what a model predicts in what its matrices compute: of {@code log p} of tokens
 * drawn from the model's own predictions, whose second moments are the Fisher information. The
 * weights that a mixture gives to its experts count as constant.
 */
public final class Backward implements AutoCloseable {
  /** Tokens to read for Fisher information; more change little. */
  public static final int USUAL_TOKENS = 8 * 1024;

  /** Tokens whose logits are held at once. */
  private static final int ROWS = 64;

  /** Is shown the gradients, {@code [tokens][…]}, to be read only, and only now. */
  public interface Observer {
    /** In what the embedding gives. */
    void embedding(Activations gradients);

    /**
     * In what a matrix gives.
     *
     * @param matrix of a stack, from 0
     */
    void output(Weight weight, int matrix, Activations gradients);
  }

  private final Model model;
  private final Hyperparameters h;
  private final Team team;
  private final Forward forward;
  private final KvCache cache;
  private final Observer observer;

  public Backward(Model model, Team team, Observer observer) {
    this.model = model;
    this.h = model.hyperparameters();
    this.team = team;
    this.forward = new Forward(model, team, dev.phial.engine.run.Observer.NONE, Taps.NONE);
    this.cache = new KvCache(h, CacheType.F32);
    this.observer = observer;
    team.use(MatrixKernels.best());
  }

  /**
   * Reads a text and goes back.
   *
   * @param seed of what is drawn
   */
  public void run(int[] text, long seed) {
    Activations hidden = zeros(text.length, h.hidden());
    forward.embed(text, hidden, 0);
    List<Activations> inputs = new ArrayList<>();
    for (Block block : model.blocks()) {
      inputs.add(hidden);
      hidden = output(block, hidden, text);
    }
    Activations gradient = head(hidden, new SplittableRandom(seed));
    for (int layer = inputs.size() - 1; layer >= 0; layer--) {
      gradient = back(model.blocks().get(layer), inputs.get(layer), gradient, text);
    }
    observer.embedding(gradient);
  }

  private static Activations zeros(int count, int columns) {
    Activations zeros = new Activations(columns);
    zeros.resize(count);
    return zeros;
  }

  private static Activations copy(Activations from) {
    return Activations.copyOf(from, from.columns());
  }

  private Activations attended(Block block, Activations normed, int[] text) {
    Activations result = new Activations(h.attention().querySize());
    forward.attend(block, normed, text, cache, result);
    return result;
  }

  private Activations output(Block block, Activations input, int[] text) {
    Activations result = copy(input);
    Activations normed = copy(forward.normed(block.attentionNorm(), input));
    forward.add(forward.product(block.attentionOutput(), attended(block, normed, text)), result);
    if (!block.parallel()) {
      normed = copy(forward.normed(block.feedForwardNorm(), result));
    }
    Activations change = zeros(input.count(), h.hidden());
    block.feedForward().apply(normed, change, forward);
    forward.add(change, result);
    return result;
  }

  /** The gradient in the last hidden state. */
  private Activations head(Activations hidden, SplittableRandom random) {
    Activations normed = copy(forward.normed(model.outputNorm(), hidden));
    Activations gradient = zeros(hidden.count(), h.hidden());
    Activations logits = forward.newLogits();
    Linear output = model.output();
    float factor = (float) h.multipliers().logits();
    for (int from = 0; from < normed.count(); from += ROWS) {
      int count = Math.min(ROWS, normed.count() - from);
      forward.logits(normed, from, count, logits);
      double[] draws = random.doubles(count).toArray();
      team.forEach(count, row -> toGradient(logits, row, draws[row], factor));
      observer.output(output.weight(), output.matrix(), logits);
      Activations part = zeros(count, h.hidden());
      output.applyTransposed(logits, 0, part, team);
      for (int row = 0; row < count; row++) {
        System.arraycopy(
            part.values(), part.row(row), gradient.values(), gradient.row(from + row), h.hidden());
      }
    }
    return model.outputNorm().gradient(hidden, gradient, team);
  }

  /** Of {@code log p} of a drawn token, in the logits. */
  private void toGradient(Activations logits, int row, double draw, float factor) {
    float[] p = logits.values();
    int at = logits.row(row);
    int n = logits.columns();
    team.kernels().softmax(p, at, n, 1);
    double sum = 0;
    int drawn = -1;
    for (int i = 0; i < n; i++) {
      sum += p[at + i];
      if (drawn < 0 && sum >= draw) {
        drawn = i;
      }
      p[at + i] *= -factor;
    }
    p[at + (drawn < 0 ? n - 1 : drawn)] += factor;
  }

  private Activations back(Block block, Activations input, Activations outer, int[] text) {
    Activations normed = copy(forward.normed(block.attentionNorm(), input));
    Activations attended = attended(block, normed, text);
    Activations rotated = copy(forward.projected());
    Activations gradient = outer;
    Activations inNorm = zeros(input.count(), h.hidden());
    if (block.parallel()) {
      back(block.feedForward(), normed, outer, inNorm);
    } else {
      Activations middle = copy(input);
      forward.add(forward.product(block.attentionOutput(), attended), middle);
      Activations inSecond = zeros(input.count(), h.hidden());
      back(
          block.feedForward(),
          copy(forward.normed(block.feedForwardNorm(), middle)),
          outer,
          inSecond);
      gradient = block.feedForwardNorm().gradient(middle, inSecond, team);
      forward.add(outer, gradient);
    }
    Activations inAttended = zeros(input.count(), attended.columns());
    back(block.attentionOutput(), gradient, 0, gradient.columns(), inAttended);
    RotaryTable table = RotaryTable.of(Rotary.ofText(h, text.length), 0, text.length);
    Activations inProjections = new Activations(rotated.columns());
    new AttentionGradient(block.attention()).run(rotated, inAttended, inProjections, table, team);
    int offset = 0;
    for (Linear projection : block.projections()) {
      back(projection, inProjections, offset, projection.rows(), inNorm);
      offset += projection.rows();
    }
    Activations result = block.attentionNorm().gradient(input, inNorm, team);
    forward.add(gradient, result);
    return result;
  }

  /** Adds the gradient in the input of a matrix. */
  private void back(Linear linear, Activations outer, int offset, int count, Activations inner) {
    Activations own = outer;
    if (offset != 0 || count != outer.columns()) {
      own = zeros(outer.count(), count);
      for (int row = 0; row < outer.count(); row++) {
        System.arraycopy(
            outer.values(), outer.row(row) + offset, own.values(), own.row(row), count);
      }
    }
    observer.output(linear.weight(), linear.matrix(), own);
    linear.applyTransposed(own, 0, inner, team);
  }

  private void back(FeedForward layer, Activations x, Activations outer, Activations inner) {
    switch (layer) {
      case FeedForward.Dense dense -> {
        Activations before = zeros(x.count(), dense.first().rows());
        forward.multiply(dense.first(), x, before, 0);
        Activations product = zeros(x.count(), dense.down().columns());
        back(dense.down(), outer, 0, outer.columns(), product);
        Activations gradient = zeros(x.count(), before.columns());
        team.forEach(
            x.count(),
            row ->
                ActivationGradients.of(
                    dense,
                    before.values(),
                    before.row(row),
                    product.values(),
                    product.row(row),
                    product.columns(),
                    gradient.values(),
                    gradient.row(row)));
        back(dense.first(), gradient, 0, gradient.columns(), inner);
      }
      case FeedForward.Experts experts -> back(experts, x, outer, inner);
    }
  }

  private void back(
      FeedForward.Experts experts, Activations x, Activations outer, Activations inner) {
    List<List<FeedForward.Experts.Choice>> choices = experts.choices(x, forward);
    for (int i = 0; i < choices.size(); i++) {
      List<FeedForward.Experts.Choice> chosen = choices.get(i);
      if (chosen.isEmpty()) {
        continue;
      }
      FeedForward.Expert expert = experts.experts().get(i);
      Activations input = copy(FeedForward.Experts.gather(chosen, x, forward));
      Activations own = zeros(chosen.size(), outer.columns());
      for (int k = 0; k < chosen.size(); k++) {
        own.copy(k, outer, chosen.get(k).token());
        team.kernels().scale(own.values(), own.row(k), own.columns(), chosen.get(k).weight());
      }
      int width = expert.down().columns();
      Activations product = zeros(chosen.size(), width);
      back(expert.down(), own, 0, own.columns(), product);
      Activations gate = zeros(chosen.size(), width);
      Activations up = zeros(chosen.size(), width);
      forward.multiply(expert.gate(), input, gate, 0);
      forward.multiply(expert.up(), input, up, 0);
      team.forEach(
          chosen.size(),
          row ->
              ActivationGradients.gated(
                  gate.values(),
                  gate.row(row),
                  up.values(),
                  up.row(row),
                  product.values(),
                  product.row(row),
                  width));
      Activations result = zeros(chosen.size(), inner.columns());
      back(expert.gate(), gate, 0, width, result);
      back(expert.up(), up, 0, width, result);
      for (int k = 0; k < chosen.size(); k++) {
        int to = inner.row(chosen.get(k).token());
        team.kernels().add(result.values(), result.row(k), inner.values(), to, inner.columns());
      }
    }
  }

  @Override
  public void close() {
    cache.close();
  }
}
