package dev.phial.engine.calibrate;

import dev.phial.PhialException;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Session;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * Reads a text chunk by chunk, each on its own, so that an observer sees what flows through a
 * model: {@code compute_imatrix} of imatrix.cpp.
 */
public final class Calibration {
  /** Tokens that go through a model at once, if chunks are short. */
  private static final int TOKENS = 256;

  /** Tokens whose logits are computed at once; a row of them is long. */
  private static final int ROWS = 16;

  private final Forward forward;
  private final int[] tokens;
  private final int length;
  private final int count;
  private final OptionalInt begin;

  /**
   * @param tokens of the whole text
   * @param length tokens of a chunk
   * @param most chunks
   * @param begin what stands in place of a chunk's first token, if the model expects a beginning
   * @throws PhialException.Usage if a chunk is longer than the model's context
   * @throws PhialException.BadInput if the text is shorter than a chunk
   */
  public Calibration(Forward forward, int[] tokens, int length, int most, OptionalInt begin) {
    int context = forward.model().hyperparameters().context();
    if (length < 1 || length > context) {
      throw new PhialException.Usage(
          "expected texts of 1 to %d tokens, the context of the model, found --context %d"
              .formatted(context, length));
    }
    if (tokens.length < length) {
      throw new PhialException.BadInput(
          "expected a text of at least %d tokens, one context, found %d; give a longer text or a shorter context"
              .formatted(length, tokens.length));
    }
    this.forward = forward;
    this.tokens = tokens;
    this.length = length;
    this.count = Math.min(most, tokens.length / length);
    this.begin = begin;
  }

  /** Chunks to read; a rest shorter than a chunk is left out. */
  public int count() {
    return count;
  }

  /**
   * Reads them.
   *
   * @param output what is told of the input of the last matrix, which the forward pass is spared
   * @param progress told the number of chunks read just now
   */
  public void run(Optional<InputSquares> output, IntConsumer progress) {
    Optional<Weight> last =
        forward.model().description().weights().stream()
            .filter(weight -> weight.role() == Role.OUTPUT)
            .findFirst();
    if (output.isPresent() && last.isPresent()) {
      run(true, states -> output.get().add(last.get(), -1, states), progress);
    } else {
      run(false, states -> {}, progress);
    }
  }

  /**
   * Reads them through the last norm.
   *
   * @param progress told the number of chunks read just now
   */
  void runThroughLastNorm(IntConsumer progress) {
    run(true, states -> {}, progress);
  }

  /**
   * Reads them to the end.
   *
   * @param progress told the number of chunks read just now
   */
  void runThroughLogits(IntConsumer progress) {
    Activations logits = forward.newLogits();
    run(
        true,
        states -> {
          for (int row = 0; row < states.count(); row += ROWS) {
            forward.logits(states, row, Math.min(ROWS, states.count() - row), logits);
          }
        },
        progress);
  }

  /**
   * @param wanted whether to compute what the last norm gives
   * @param states takes it
   */
  private void run(boolean wanted, Consumer<Activations> states, IntConsumer progress) {
    int together = Math.clamp(TOKENS / length, 1, count);
    List<Session> sessions = new ArrayList<>();
    try {
      for (int i = 0; i < together; i++) {
        sessions.add(new Session(forward, CacheType.F32));
      }
      for (int from = 0; from < count; from += together) {
        int to = Math.min(count, from + together);
        List<Session> some = sessions.subList(0, to - from);
        some.forEach(Session::reset);
        states.accept(Session.append(some, chunks(from, to), wanted ? length : 0));
        progress.accept(to - from);
      }
    } finally {
      sessions.forEach(Session::close);
    }
  }

  private List<int[]> chunks(int from, int to) {
    List<int[]> chunks = new ArrayList<>();
    for (int i = from; i < to; i++) {
      int[] chunk = Arrays.copyOfRange(tokens, i * length, (i + 1) * length);
      begin.ifPresent(token -> chunk[0] = token);
      chunks.add(chunk);
    }
    return chunks;
  }
}
