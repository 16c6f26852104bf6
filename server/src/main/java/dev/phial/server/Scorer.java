package dev.phial.server;

import dev.phial.engine.tokenizer.TextStream;
import dev.phial.engine.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** Tells how probable tokens are, by the logits of a model. */
final class Scorer {
  /** Tokens before another that may change its text. */
  private static final int CONTEXT = 8;

  private final Tokenizer tokenizer;
  private final int alternatives;

  /**
   * @param alternatives of how many tokens beside the one that is there
   */
  Scorer(Tokenizer tokenizer, int alternatives) {
    this.tokenizer = tokenizer;
    this.alternatives = alternatives;
  }

  private record Candidate(int id, float logit) {}

  /**
   * @param before the tokens before
   * @param token the one that is there
   * @param logits {@code [vocabulary]}
   */
  TokenScore score(int[] before, int token, float[] logits) {
    double highest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      highest = Math.max(highest, logit);
    }
    double mass = 0;
    for (float logit : logits) {
      mass += Math.exp(logit - highest);
    }
    double whole = highest + Math.log(mass);
    int[] context = Arrays.copyOfRange(before, Math.max(0, before.length - CONTEXT), before.length);
    List<TokenScore.Alternative> best = new ArrayList<>();
    for (Candidate candidate : best(logits)) {
      best.add(new TokenScore.Alternative(text(context, candidate.id), candidate.logit - whole));
    }
    return new TokenScore(text(context, token), logits[token] - whole, best);
  }

  /** The most probable tokens, of equal ones the lower id first. */
  private List<Candidate> best(float[] logits) {
    Comparator<Candidate> order =
        Comparator.comparingDouble(Candidate::logit)
            .thenComparing(Comparator.comparingInt(Candidate::id).reversed());
    PriorityQueue<Candidate> best = new PriorityQueue<>(order);
    for (int id = 0; id < logits.length && alternatives > 0; id++) {
      if (best.size() < alternatives) {
        best.add(new Candidate(id, logits[id]));
      } else if (logits[id] > best.element().logit) {
        best.remove();
        best.add(new Candidate(id, logits[id]));
      }
    }
    return best.stream().sorted(order.reversed()).toList();
  }

  private String text(int[] before, int token) {
    TextStream stream = tokenizer.streamAfter(before);
    return stream.add(token) + stream.end();
  }
}
