package dev.phial.engine.eval;

import dev.phial.PhialException;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Hyperparameters;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Reads a text with a reference and any number of candidates side by side, chunk by chunk: nothing
 * but sums is kept from one chunk to the next.
 *
 * <p>Models take turns, so that caches and what lies between layers are held for one of them only.
 * What all hold at the same time are the last states of the scored tokens: {@code [tokens of half a
 * context][hidden]}.
 */
public final class Evaluation {
  private static final MatrixKernels KERNELS = MatrixKernels.best();

  /** Tokens that go through a model at once, if chunks are short. */
  private static final int TOKENS = 256;

  /** Logits that are held at once, for the reference and for one candidate. */
  private static final int LOGITS = 1 << 22;

  private final List<Subject> subjects = new ArrayList<>();
  private final List<Totals> totals = new ArrayList<>(); // of the subjects
  private final Chunks chunks;
  private final Team team;
  private final int together; // chunks read at once
  private final int positions; // tokens scored at once
  private final Predictions expected;
  private final Predictions found;

  /** A model, and what messages call it. */
  public record Named(String name, Model model) {}

  /**
   * What was found out about one model.
   *
   * @param layerErrors of the hidden states, relative to the reference's: what the first layer
   *     reads, what the second does, and so on to what the output matrix reads; nothing where the
   *     reference has other layers
   * @param tokensPerSecond through all layers, many tokens at a time; the first chunks aside, in
   *     which the loops are still being compiled, if there are more
   */
  public record Result(
      Perplexity perplexity,
      Divergence divergence,
      List<Double> layerErrors,
      double tokensPerSecond) {}

  /**
   * @param models the reference, and candidates of the same vocabulary
   * @throws PhialException.BadInput if vocabularies differ
   */
  public Evaluation(List<Named> models, Chunks chunks, Team team) {
    Hyperparameters reference = models.getFirst().model.hyperparameters();
    int vocabulary = reference.vocabulary();
    this.chunks = chunks;
    this.team = team;
    this.together = Math.max(1, TOKENS / chunks.length());
    this.positions = Math.max(MatrixKernels.GROUP, LOGITS / vocabulary);
    for (Named model : models) {
      Hyperparameters h = model.model.hyperparameters();
      if (h.vocabulary() != vocabulary) {
        throw new PhialException.BadInput(
            "%s: expected the vocabulary of the reference, %d tokens, found %d; compare models that share a tokenizer"
                .formatted(model.name, vocabulary, h.vocabulary()));
      }
      boolean hasSameLayers =
          h.layers() == reference.layers()
              && h.hidden() == reference.hidden()
              && h.rope().longRope().isPresent() == reference.rope().longRope().isPresent()
              && h.rope().originalContext() == reference.rope().originalContext();
      subjects.add(new Subject(model, hasSameLayers));
      totals.add(new Totals(hasSameLayers ? h.layers() + 1 : 0));
    }
    this.expected = new Predictions(subjects.getFirst().output.newLogits());
    this.found = new Predictions(subjects.getFirst().output.newLogits());
  }

  /**
   * Reads everything.
   *
   * @param progress told the tokens that a model has just read, all models counted
   * @return results of the reference, whose divergence is 0, and of the candidates
   * @throws PhialException.BadInput if a chunk is longer than a model's context, or a model
   *     computes NaN or infinity
   */
  public List<Result> run(IntConsumer progress) {
    for (int group = 0; group < groups(); group++) {
      add(group, read(group, progress));
    }
    return results();
  }

  /** How often some chunks are read at once, by every model. */
  public int groups() {
    return Math.ceilDiv(chunks.count(), together);
  }

  /** Tokens of a group that a model reads, at most. */
  public int tokens() {
    return together * chunks.length();
  }

  /**
   * Reads a group.
   *
   * @param progress told the tokens that a model has just read
   * @return what each model said of it
   */
  public List<Scores> read(int group, IntConsumer progress) {
    int from = group * together;
    List<int[]> read = chunks.chunks(from, Math.min(chunks.count(), from + together));
    HiddenStates reference = HiddenStates.ofReference(read.size() * chunks.length());
    for (Subject subject : subjects) {
      HiddenStates hidden = subject == subjects.getFirst() ? reference : reference.ofCandidate();
      subject.named(() -> subject.read(read, hidden));
      progress.accept(read.size() * chunks.length());
    }
    score(read);
    return subjects.stream().map(subject -> subject.scores).toList();
  }

  /**
   * Adds up what was said of a group; the groups come in their order, so that sums are the same
   * wherever they were read.
   *
   * @param read by each model
   */
  public void add(int group, List<Scores> read) {
    for (int i = 0; i < totals.size(); i++) {
      totals.get(i).add(read.get(i), read.getFirst(), group == 0);
    }
  }

  /** Of the reference and the candidates, once all groups have been added. */
  public List<Result> results() {
    return totals.stream().map(Totals::result).toList();
  }

  private void score(List<int[]> read) {
    int states = read.size() * (chunks.length() - chunks.first());
    for (int from = 0; from < states; from += positions) {
      int count = Math.min(positions, states - from);
      for (Subject subject : subjects) {
        Predictions predictions = subject == subjects.getFirst() ? expected : found;
        subject.output.logits(subject.states, from, count, predictions.logits);
        int start = from;
        subject.named(() ->
            team.forEach(
                count,
                row -> {
                  int target = target(read, start + row);
                  if (target >= 0) {
                    predictions.judge(row, target);
                    predictions.compare(row, expected);
                  }
                }));
        for (int row = 0; row < count; row++) {
          if (target(read, start + row) >= 0) {
            subject.scores.add(
                predictions.surprises[row],
                predictions.divergences[row],
                predictions.tops[row] == expected.tops[row]);
          }
        }
      }
    }
  }

  /** The token that a state should predict, or -1 after the last of a chunk. */
  private int target(List<int[]> read, int state) {
    int perChunk = chunks.length() - chunks.first();
    int token = chunks.first() + state % perChunk + 1;
    return token == chunks.length() ? -1 : read.get(state / perChunk)[token];
  }

  /** What a model predicts for the tokens scored at once. */
  private final class Predictions {
    private final Activations logits;
    private final int[] tops = new int[positions];
    private final double[] normalizers = new double[positions]; // log of the sum of exponentials
    private final double[] surprises = new double[positions];
    private final double[] divergences = new double[positions]; // from the reference

    Predictions(Activations logits) {
      this.logits = logits;
    }

    void judge(int row, int target) {
      int at = logits.row(row);
      float[] values = logits.values();
      float largest = KERNELS.largest(values, at, logits.columns());
      tops[row] = indexOf(largest, values, at);
      normalizers[row] =
          largest + Math.log(KERNELS.sumOfExps(values, at, logits.columns(), largest));
      if (!Double.isFinite(normalizers[row])) {
        throw new PhialException.BadInput(
            "expected finite logits, found %s; the weights are damaged, or were stored in a type too narrow for them"
                .formatted(largest));
      }
      surprises[row] = normalizers[row] - values[at + target];
    }

    private int indexOf(float value, float[] values, int at) {
      int index = 0;
      while (index < logits.columns() - 1 && values[at + index] != value) {
        index++;
      }
      return index;
    }

    void compare(int row, Predictions reference) {
      if (reference == this) {
        return;
      }
      int referenceAt = reference.logits.row(row);
      float[] p = reference.logits.values();
      float shift = p[referenceAt + reference.tops[row]];
      // Σ p (log p - log q), p = exp(expected - its normalizer)
      double differences =
          KERNELS.sumOfDifferences(
                  p, referenceAt, shift, logits.values(), logits.row(row), logits.columns())
              * Math.exp(shift - reference.normalizers[row]);
      double divergence = differences - reference.normalizers[row] + normalizers[row];
      divergences[row] = Math.max(0, divergence); // rounding may make it a little less
    }
  }

  /** One of the models. */
  private final class Subject {
    private final String name;
    private final Model model;
    private final boolean hasSameLayers; // as the reference
    private final Forward output; // its own: that of the layers has large arrays, and is let go
    private Activations states;
    private Scores scores = Scores.NONE; // of the group that was read last

    Subject(Named named, boolean hasSameLayers) {
      this.name = named.name;
      this.model = named.model;
      this.hasSameLayers = hasSameLayers;
      this.output = new Forward(model, team, Observer.NONE);
      this.states = output.newLogits(); // until something was read
    }

    /** Does something of which the message of a failure is to say that it was with this model. */
    void named(Runnable action) {
      try {
        action.run();
      } catch (PhialException.BadInput e) {
        throw new PhialException.BadInput(name + ": " + e.getMessage(), e);
      }
    }

    void read(List<int[]> read, HiddenStates hidden) {
      Forward forward = new Forward(model, team, hasSameLayers ? hidden : Observer.NONE);
      List<Session> sessions = new ArrayList<>();
      long start = System.nanoTime();
      try {
        for (int i = 0; i < read.size(); i++) {
          sessions.add(new Session(forward, CacheType.F32));
        }
        start = System.nanoTime();
        states = Session.append(sessions, read, chunks.length() - chunks.first());
      } finally {
        sessions.forEach(Session::close);
      }
      long nanos = System.nanoTime() - start;
      if (hasSameLayers) {
        hidden.last(states);
      }
      scores =
          new Scores(
              read.size() * chunks.scored(),
              hasSameLayers ? hidden.errors() : List.of(),
              (long) read.size() * chunks.length(),
              nanos);
    }
  }

  /** What all groups say of a model. */
  private static final class Totals {
    private final Perplexity.Sum perplexity = new Perplexity.Sum();
    private final Divergence.Sum divergence = new Divergence.Sum();
    private final HiddenStates.Sum layers;
    private long firstNanos;
    private long firstTokens;
    private long nanos;
    private long tokens;

    /**
     * @param places where hidden states are compared, 0 if they are not
     */
    Totals(int places) {
      this.layers = new HiddenStates.Sum(places);
    }

    void add(Scores scores, Scores reference, boolean isFirst) {
      scores.addTo(perplexity, divergence, reference);
      layers.add(scores.layers());
      if (isFirst) {
        firstNanos = scores.nanos();
        firstTokens = scores.tokens();
      } else {
        nanos += scores.nanos();
        tokens += scores.tokens();
      }
    }

    Result result() {
      double rate = tokens > 0 ? 1e9 * tokens / nanos : 1e9 * firstTokens / firstNanos;
      return new Result(perplexity.result(), divergence.result(), layers.result(), rate);
    }
  }
}
