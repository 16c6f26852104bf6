package dev.phial.engine.sample;

import dev.phial.PhialException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;

/** Chooses tokens; with the same seed and the same logits always the same ones. */
public final class Sampler {
  /** A share of the mass that no random number is fine enough to find. */
  private static final double NOTHING = 0x1p-60;

  private final Sampling sampling;
  private final Random random;
  private final BitSet seen = new BitSet();
  private float[] logits = {}; // [vocabulary], after the repetition penalty
  private long[] candidates = {}; // logits that can be compared, and ids; see key()
  private double[] weights = {}; // of the candidates, that of the most probable token is 1
  private double mass; // of all that top-k leaves

  public Sampler(Sampling sampling, long seed) {
    this.sampling = sampling;
    this.random = new Random(seed); // its algorithm is part of its contract
  }

  /** Remembers tokens of the prompt, for the repetition penalty. */
  public void accept(int... tokens) {
    for (int token : tokens) {
      if (token >= 0) { // others stand for what an image shows
        seen.set(token);
      }
    }
  }

  /**
   * Chooses the next token and remembers it.
   *
   * @param given {@code [vocabulary]}, not changed
   * @throws PhialException.BadInput if the model gave no numbers
   */
  public int next(float[] given) {
    int token = choose(given);
    accept(token);
    return token;
  }

  /**
   * Chooses a token that need not become the next one; tell {@link #accept} if it does.
   *
   * @param given {@code [vocabulary]}, not changed; minus infinity for what may not be chosen
   * @throws PhialException.BadInput if the model gave no numbers
   */
  public int choose(float[] given) {
    penalize(given);
    int best = best();
    return sampling.isGreedy() ? best : draw(logits[best]);
  }

  private void penalize(float[] given) {
    logits = logits.length == given.length ? logits : new float[given.length];
    System.arraycopy(given, 0, logits, 0, given.length);
    if (sampling.repetitionPenalty() != 1) {
      float penalty = (float) sampling.repetitionPenalty();
      for (int id = seen.nextSetBit(0);
          id >= 0 && id < given.length;
          id = seen.nextSetBit(id + 1)) {
        logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
      }
    }
  }

  /** The most probable token, of several the first. */
  private int best() {
    int best = 0;
    boolean isNumber = true;
    for (int id = 0; id < logits.length; id++) {
      isNumber &= !Float.isNaN(logits[id]);
      best = logits[id] > logits[best] ? id : best;
    }
    if (!isNumber || logits.length == 0 || Float.isInfinite(logits[best])) {
      throw new PhialException.BadInput(
          "expected numbers as the model's output, found NaN or infinity; are its weights damaged, or too large for their type?");
    }
    return best;
  }

  private int draw(float highest) {
    int count = collect(highest);
    int first = first(count);
    double total = 0;
    for (int i = first; i < count; i++) {
      total += weights[i];
    }
    double left = random.nextDouble() * total;
    for (int i = count - 1; i > first; i--) {
      left -= weights[i];
      if (left < 0) {
        return id(candidates[i]);
      }
    }
    return id(candidates[first]);
  }

  /** The first of the sorted candidates that top-p and min-p leave. */
  private int first(int count) {
    int first = count - 1;
    double together = weights[first];
    while (first > 0 && together < sampling.topP() * mass && weights[first - 1] > 0) {
      first--;
      together += weights[first];
    }
    while (weights[first] < sampling.minP()) { // the highest weight is 1
      first++;
    }
    return first;
  }

  private double weight(float logit, float highest) {
    return Math.exp(((double) logit - highest) / sampling.temperature());
  }

  /**
   * Gathers and sorts what can be drawn, the most probable last: the k highest, or, since tokens
   * below {@code (1 - p) / vocabulary} of the mass do not reach {@code 1 - p} of it together, those
   * above.
   *
   * @return how many
   */
  private int collect(float highest) {
    if (candidates.length < logits.length) {
      candidates = new long[logits.length];
      weights = new double[logits.length];
    }
    mass = 0;
    for (float logit : logits) {
      mass += weight(logit, highest);
    }
    boolean some = sampling.topK() > 0 && sampling.topK() < logits.length;
    double least = some ? 0 : mass * Math.max(NOTHING, (1 - sampling.topP()) / logits.length);
    int count = 0;
    for (int id = 0; id < logits.length; id++) {
      if (some || weight(logits[id], highest) >= least) {
        candidates[count++] = key(logits[id], id);
      }
    }
    Arrays.sort(candidates, 0, count);
    if (some) {
      System.arraycopy(candidates, count - sampling.topK(), candidates, 0, sampling.topK());
      count = sampling.topK();
      mass = 0;
    }
    for (int i = 0; i < count; i++) {
      weights[i] = weight(logits[id(candidates[i])], highest);
      mass += some ? weights[i] : 0;
    }
    return count;
  }

  /** Orders by logit, then the lower id higher. */
  private static long key(float logit, int id) {
    int bits = Float.floatToIntBits(logit + 0f); // no negative zero
    int ordered = bits ^ bits >> 31 & Integer.MAX_VALUE;
    return (long) ordered << 32 | Integer.MAX_VALUE - id;
  }

  private static int id(long key) {
    return Integer.MAX_VALUE - (int) key;
  }
}
