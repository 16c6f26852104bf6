package dev.phial.engine.run;

import dev.phial.io.Progress;
import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Takes texts through a model one stage after the other, all of them through each: what flows into
 * the matrices of a stage can be looked at before these compute anything, so that they may be
 * replaced first.
 */
public final class Walk implements AutoCloseable {
  private final Forward forward;
  private final Model model;
  private final Hyperparameters h;
  private final List<int[]> texts;
  private final Walk guide;
  private final KvCache cache;

  private int layer;
  private @Nullable Step step;
  private int expert;

  // of each text, used again in each layer
  private final List<Activations> hidden = new ArrayList<>(); // [tokens][hidden]
  private final List<Activations> attended = new ArrayList<>(); // [tokens][heads * headSize]
  private final List<Activations> inner = new ArrayList<>(); // [tokens][feed-forward]
  private final List<Activations> pending = new ArrayList<>(); // [tokens][hidden]
  private final List<List<List<FeedForward.Experts.Choice>>> choices = new ArrayList<>();

  private enum Step {
    ATTENTION_INPUT,
    ATTENTION_OUTPUT,
    FEED_FORWARD_INPUT,
    FEED_FORWARD_OUTPUT,
    EXPERT_INPUT,
    EXPERT_OUTPUT,
    OUTPUT
  }

  /**
   * Matrices that read the same numbers.
   *
   * @param layer from 0; -1 for the output matrix
   */
  public record Stage(int layer, List<Reader> readers) {
    /**
     * What a matrix is used as: an embedding may be the output matrix as well, in a tensor of its
     * own or in the same.
     *
     * @param hasOutput whether a parameter has a tensor of its own as the output matrix
     */
    public Role role(Reader reader, Predicate<Weight> hasOutput) {
      return layer < 0 && hasOutput.test(reader.weight) ? Role.OUTPUT : reader.weight.role();
    }

    /** What the first is called in GGUF, with its number in a stack, which names them all. */
    public String name() {
      Reader first = readers.getFirst();
      String name = first.weight.ggufName();
      return first.weight.shape().rows() > first.weight.matrixRows()
          ? "%s.%d".formatted(name, first.matrix)
          : name;
    }

    /** Counts their weights as done. */
    public void advance(Progress.Stage progress) {
      for (Reader reader : readers) {
        Weight weight = reader.weight;
        progress.advance(weight.ggufName(), weight.matrixRows() * weight.shape().columns());
      }
    }

    /** Numbers that they read. */
    public int columns() {
      return Math.toIntExact(readers.getFirst().weight.shape().columns());
    }
  }

  /**
   * A matrix.
   *
   * @param matrix of a stack, from 0
   */
  public record Reader(Weight weight, int matrix) {}

  /**
   * Starts before the first layer.
   *
   * @param texts each at most as long as the model's context
   */
  public Walk(Model model, Team team, List<int[]> texts) {
    this(model, team, texts, null);
  }

  /**
   * Starts before the first layer, to show experts the tokens that choose them in another walk.
   *
   * @param guide which is always one stage ahead
   */
  public Walk(Model model, Team team, List<int[]> texts, @Nullable Walk guide) {
    this.forward = new Forward(model, team, Observer.NONE, Taps.NONE);
    this.model = model;
    this.h = model.hyperparameters();
    this.texts = texts;
    this.guide = guide == null ? this : guide;
    this.cache = new KvCache(h, CacheType.F32);
    team.use(MatrixKernels.best());
    for (int[] text : texts) {
      Activations rows = new Activations(h.hidden());
      rows.resize(text.length);
      forward.embed(text, rows, 0);
      hidden.add(rows);
      attended.add(new Activations(h.attention().querySize()));
      inner.add(new Activations(h.feedForward()));
      pending.add(new Activations(h.hidden()));
    }
  }

  public int texts() {
    return texts.size();
  }

  /** Bytes that it takes for so many tokens. */
  public static long bytes(Hyperparameters h, long tokens) {
    return tokens * (2L * h.hidden() + h.feedForward()) * Float.BYTES;
  }

  /** Numbers that the widest matrix reads. */
  public static int widest(Hyperparameters h) {
    return Math.max(Math.max(h.hidden(), h.attention().querySize()), h.feedForward());
  }

  /** Goes to the next stage, through the matrices of the one before. */
  public @Nullable Stage next() {
    if (step != null) {
      complete(step);
    }
    step = after(step);
    return step == null ? null : new Stage(step == Step.OUTPUT ? -1 : layer, readers(step));
  }

  private Block block() {
    return model.blocks().get(layer);
  }

  private FeedForward.Expert expert() {
    return ((FeedForward.Experts) block().feedForward()).experts().get(expert);
  }

  private @Nullable Step after(@Nullable Step done) {
    return switch (done) {
      case null -> Step.ATTENTION_INPUT;
      case ATTENTION_INPUT -> Step.ATTENTION_OUTPUT;
      case ATTENTION_OUTPUT ->
          block().parallel() ? Step.FEED_FORWARD_OUTPUT : Step.FEED_FORWARD_INPUT;
      case FEED_FORWARD_INPUT ->
          switch (block().feedForward()) {
            case FeedForward.Dense dense -> Step.FEED_FORWARD_OUTPUT;
            case FeedForward.Experts experts -> {
              expert = 0;
              yield Step.EXPERT_INPUT;
            }
          };
      case EXPERT_INPUT -> Step.EXPERT_OUTPUT;
      case EXPERT_OUTPUT -> ++expert < h.experts().count() ? Step.EXPERT_INPUT : nextLayer();
      case FEED_FORWARD_OUTPUT -> nextLayer();
      case OUTPUT -> null;
    };
  }

  private Step nextLayer() {
    return ++layer < h.layers() ? Step.ATTENTION_INPUT : Step.OUTPUT;
  }

  private List<Reader> readers(Step at) {
    Stream<Linear> linears =
        switch (at) {
          case ATTENTION_INPUT ->
              Stream.concat(
                  block().projections().stream(),
                  block().parallel() ? Stream.of(dense().first()) : Stream.of());
          case ATTENTION_OUTPUT -> Stream.of(block().attentionOutput());
          case FEED_FORWARD_INPUT ->
              switch (block().feedForward()) {
                case FeedForward.Dense dense -> Stream.of(dense.first());
                case FeedForward.Experts experts -> Stream.of(experts.router());
              };
          case FEED_FORWARD_OUTPUT -> Stream.of(dense().down());
          case EXPERT_INPUT -> Stream.of(expert().gate(), expert().up());
          case EXPERT_OUTPUT -> Stream.of(expert().down());
          case OUTPUT -> Stream.of(model.output());
        };
    return linears.map(linear -> new Reader(linear.weight(), linear.matrix())).toList();
  }

  private FeedForward.Dense dense() {
    return (FeedForward.Dense) block().feedForward();
  }

  /**
   * What the matrices of the stage read of a text.
   *
   * @return {@code [tokens][columns]}, none for an expert that no token chose; until the next call
   */
  public Activations input(int text) {
    return switch (step) {
      case null -> throw new IllegalStateException("the walk is over");
      case ATTENTION_INPUT -> normed(block().attentionNorm(), text);
      case ATTENTION_OUTPUT -> attended.get(text);
      case FEED_FORWARD_INPUT -> normed(block().feedForwardNorm(), text);
      case EXPERT_INPUT -> gathered(text);
      case FEED_FORWARD_OUTPUT, EXPERT_OUTPUT -> inner.get(text);
      case OUTPUT -> normed(model.outputNorm(), text);
    };
  }

  private Activations normed(Norm norm, int text) {
    return forward.normed(norm, hidden.get(text));
  }

  private Activations gathered(int text) {
    return FeedForward.Experts.gather(
        guide.choices.get(text).get(expert), normed(block().feedForwardNorm(), text), forward);
  }

  private void complete(Step done) {
    switch (done) {
      case ATTENTION_INPUT -> {
        for (int i = 0; i < texts.size(); i++) {
          attend(i);
        }
      }
      case ATTENTION_OUTPUT -> {
        for (int i = 0; i < texts.size(); i++) {
          Activations change = forward.product(block().attentionOutput(), attended.get(i));
          if (block().parallel()) {
            pending.get(i).set(change);
          } else {
            forward.add(change, hidden.get(i));
          }
        }
      }
      case FEED_FORWARD_INPUT -> {
        choices.clear();
        for (int i = 0; i < texts.size(); i++) {
          Activations normed = normed(block().feedForwardNorm(), i);
          switch (block().feedForward()) {
            case FeedForward.Dense dense -> inner.get(i).set(dense.inner(normed, forward));
            case FeedForward.Experts experts -> {
              choices.add(experts.choices(normed, forward));
              Activations sum = pending.get(i);
              sum.resize(normed.count());
              Arrays.fill(sum.values(), 0);
            }
          }
        }
      }
      case FEED_FORWARD_OUTPUT -> {
        for (int i = 0; i < texts.size(); i++) {
          forward.add(forward.product(dense().down(), inner.get(i)), hidden.get(i));
          if (block().parallel()) {
            forward.add(pending.get(i), hidden.get(i));
          }
        }
        checkFinite();
      }
      case EXPERT_INPUT -> {
        for (int i = 0; i < texts.size(); i++) {
          inner.get(i).set(expert().inner(gathered(i), forward));
        }
      }
      case EXPERT_OUTPUT -> completeExpert();
      case OUTPUT -> {}
    }
  }

  private void attend(int text) {
    Activations normed = normed(block().attentionNorm(), text);
    forward.attend(block(), normed, texts.get(text), cache, attended.get(text));
    if (block().parallel()) {
      inner.get(text).set(dense().inner(normed, forward));
    }
  }

  /** Of a walk that follows another, experts have seen that one's tokens: it computes them anew. */
  private void completeExpert() {
    boolean isLast = expert == h.experts().count() - 1;
    for (int i = 0; i < texts.size(); i++) {
      if (guide == this) {
        List<FeedForward.Experts.Choice> chosen = choices.get(i).get(expert);
        FeedForward.Experts.add(expert(), chosen, inner.get(i), pending.get(i), forward);
      } else if (isLast) {
        Activations normed = normed(block().feedForwardNorm(), i);
        block().feedForward().apply(normed, pending.get(i), forward);
      }
      if (isLast) {
        forward.add(pending.get(i), hidden.get(i));
      }
    }
    if (isLast) {
      checkFinite();
    }
  }

  private void checkFinite() {
    hidden.forEach(rows -> Forward.check(rows, layer));
  }

  @Override
  public void close() {
    cache.close();
  }
}
