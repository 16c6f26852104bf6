package dev.phial.engine.eval;

import dev.phial.PhialException;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Session;
import dev.phial.kernel.MatrixKernels;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Reads a text with a reference and any number of candidates side by side, chunk by chunk: nothing
 * but sums is kept from one chunk to the next.
 */
public final class Evaluation {
  private static final MatrixKernels KERNELS = MatrixKernels.best();

  /** Tokens that go through a model at once, if chunks are short. */
  private static final int TOKENS = 256;

  /** Logits that are held at once for each model. */
  private static final int LOGITS = 1 << 23;

  private final List<Subject> subjects = new ArrayList<>();
  private final Chunks chunks;
  private final int together; // chunks read at once
  private final int positions; // tokens scored at once

  /** What was found out about one model. */
  public record Result(Perplexity perplexity, Divergence divergence) {}

  /**
   * @param reference what the candidates are compared with
   * @param candidates of the same vocabulary; they may share the reference's team
   * @throws PhialException.BadInput if a chunk is longer than a model's context, or vocabularies
   *     differ
   */
  public Evaluation(Forward reference, List<Forward> candidates, Chunks chunks) {
    int vocabulary = reference.model().hyperparameters().vocabulary();
    this.chunks = chunks;
    this.together = Math.max(1, TOKENS / chunks.length());
    this.positions = Math.max(MatrixKernels.GROUP, LOGITS / vocabulary);
    subjects.add(new Subject(reference));
    for (Forward candidate : candidates) {
      int found = candidate.model().hyperparameters().vocabulary();
      if (found != vocabulary) {
        throw new PhialException.BadInput(
            "expected candidates with the vocabulary of the reference, %d tokens, found one with %d; compare models that share a tokenizer"
                .formatted(vocabulary, found));
      }
      subjects.add(new Subject(candidate));
    }
  }

  /**
   * Reads everything.
   *
   * @param progress told the number of chunks read so far
   * @return results of the reference, whose divergence is 0, and of the candidates
   */
  public List<Result> run(IntConsumer progress) {
    try {
      for (int from = 0; from < chunks.count(); from += together) {
        int to = Math.min(chunks.count(), from + together);
        List<int[]> read = chunks.chunks(from, to);
        subjects.forEach(subject -> subject.read(read));
        score(read);
        progress.accept(to);
      }
      return subjects.stream().map(Subject::result).toList();
    } finally {
      subjects.forEach(Subject::close);
    }
  }

  private void score(List<int[]> read) {
    int states = read.size() * (chunks.length() - chunks.first());
    for (int from = 0; from < states; from += positions) {
      int count = Math.min(positions, states - from);
      for (Subject subject : subjects) {
        subject.predict(from, count);
      }
      int start = from;
      Subject reference = subjects.getFirst();
      reference
          .forward
          .team()
          .forEach(
              count,
              row -> {
                for (Subject subject : subjects) {
                  subject.judge(row, target(read, start + row), reference);
                }
              });
      for (int row = 0; row < count; row++) {
        if (target(read, start + row) >= 0) {
          for (Subject subject : subjects) {
            subject.add(row, reference);
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

  /** One of the models, and what is known about it. */
  private final class Subject {
    private final Forward forward;
    private final List<Session> sessions = new ArrayList<>();
    private final Activations logits;
    private final Perplexity.Sum perplexity = new Perplexity.Sum();
    private final Divergence.Sum divergence = new Divergence.Sum();
    private Activations states;

    // of each position that is scored at once
    private final int[] tops = new int[positions];
    private final double[] normalizers = new double[positions]; // log of the sum of exponentials
    private final double[] surprises = new double[positions];
    private final double[] divergences = new double[positions];

    Subject(Forward forward) {
      this.forward = forward;
      this.logits = forward.newLogits();
      this.states = logits; // until something was read
      for (int i = 0; i < together; i++) {
        sessions.add(new Session(forward, CacheType.F32));
      }
    }

    void read(List<int[]> read) {
      sessions.forEach(Session::reset);
      states =
          Session.append(sessions.subList(0, read.size()), read, chunks.length() - chunks.first());
    }

    void predict(int from, int count) {
      forward.logits(states, from, count, logits);
    }

    /** Called for the reference first. */
    void judge(int row, int target, Subject reference) {
      if (target < 0) {
        return;
      }
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
      if (this != reference) {
        int referenceAt = reference.logits.row(row);
        float[] expected = reference.logits.values();
        float shift = expected[referenceAt + reference.tops[row]];
        // Σ p (log p - log q), p = exp(expected - its normalizer)
        double differences =
            KERNELS.sumOfDifferences(expected, referenceAt, shift, values, at, logits.columns())
                * Math.exp(shift - reference.normalizers[row]);
        double divergence = differences - reference.normalizers[row] + normalizers[row];
        divergences[row] = Math.max(0, divergence); // rounding may make it a little less
      }
    }

    private int indexOf(float value, float[] values, int at) {
      int index = 0;
      while (index < logits.columns() - 1 && values[at + index] != value) {
        index++;
      }
      return index;
    }

    void add(int row, Subject reference) {
      perplexity.add(surprises[row]);
      divergence.add(
          divergences[row],
          tops[row] == reference.tops[row],
          reference.surprises[row],
          surprises[row]);
    }

    Result result() {
      return new Result(perplexity.result(), divergence.result());
    }

    void close() {
      sessions.forEach(Session::close);
    }
  }
}
