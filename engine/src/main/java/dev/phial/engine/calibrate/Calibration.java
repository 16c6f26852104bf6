package dev.phial.engine.calibrate;

import dev.phial.PhialException;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Session;
import dev.phial.model.Role;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
  private final Text text;
  private final int count;

  /**
   * A text, and how it is cut.
   *
   * @param tokens of all of it
   * @param length tokens of a chunk
   * @param most chunks
   * @param begin what stands in place of a chunk's first token, if the model expects a beginning;
   *     below 0 if it does not
   */
  public record Text(int[] tokens, int length, int most, int begin) implements Serializable {}

  /**
   * @param tokens of the whole text
   * @param length tokens of a chunk
   * @param most chunks
   * @param begin what stands in place of a chunk's first token, if the model expects a beginning
   * @throws PhialException.Usage if a chunk is longer than the model's context
   * @throws PhialException.BadInput if the text is shorter than a chunk
   */
  public Calibration(Forward forward, int[] tokens, int length, int most, OptionalInt begin) {
    this(forward, new Text(tokens, length, most, begin.orElse(-1)));
  }

  /** The same. */
  public Calibration(Forward forward, Text text) {
    int context = forward.model().hyperparameters().context();
    int length = text.length;
    if (length < 1 || length > context) {
      throw new PhialException.Usage(
          "expected texts of 1 to %d tokens, the context of the model, found --context %d"
              .formatted(context, length));
    }
    if (text.tokens.length < length) {
      throw new PhialException.BadInput(
          "expected a text of at least %d tokens, one context, found %d; give a longer text or a shorter context"
              .formatted(length, text.tokens.length));
    }
    this.forward = forward;
    this.text = text;
    this.count = Math.min(text.most, text.tokens.length / length);
  }

  public Text text() {
    return text;
  }

  /** Chunks to read; a rest shorter than a chunk is left out. */
  public int count() {
    return count;
  }

  /** How often some chunks are read at once. */
  public int groups() {
    return Math.ceilDiv(count, together());
  }

  /** Chunks of a group, at most. */
  public int together() {
    return Math.clamp(TOKENS / text.length, 1, count);
  }

  /**
   * Reads them, and has the sums of one group after the other added up.
   *
   * @param squares what the forward pass tells of its matrices
   * @param output whether to look at the input of the last matrix too, which the pass is spared
   * @param progress told the number of chunks read just now
   */
  public void run(InputSquares squares, boolean output, IntConsumer progress) {
    run(
        0,
        groups(),
        output,
        states -> addOutput(squares, output, states),
        read -> {
          squares.addAll(squares.take());
          progress.accept(read);
        });
  }

  /** Reads one group, whose sums are then there to be taken. */
  public void run(InputSquares squares, boolean output, int group) {
    run(group, group + 1, output, states -> addOutput(squares, output, states), read -> {});
  }

  private void addOutput(InputSquares squares, boolean output, Activations states) {
    if (output) {
      forward.model().description().weights().stream()
          .filter(weight -> weight.role() == Role.OUTPUT)
          .findFirst()
          .ifPresent(last -> squares.add(last, -1, states));
    }
  }

  /**
   * Reads them through the last norm.
   *
   * @param progress told the number of chunks read just now
   */
  void runThroughLastNorm(IntConsumer progress) {
    run(0, groups(), true, states -> {}, progress);
  }

  /**
   * Reads them to the end.
   *
   * @param progress told the number of chunks read just now
   */
  void runThroughLogits(IntConsumer progress) {
    Activations logits = forward.newLogits();
    run(
        0,
        groups(),
        true,
        states -> {
          for (int row = 0; row < states.count(); row += ROWS) {
            forward.logits(states, row, Math.min(ROWS, states.count() - row), logits);
          }
        },
        progress);
  }

  /**
   * @param first group
   * @param end the group after the last
   * @param wanted whether to compute what the last norm gives
   * @param states takes it
   */
  private void run(
      int first, int end, boolean wanted, Consumer<Activations> states, IntConsumer progress) {
    int together = together();
    List<Session> sessions = new ArrayList<>();
    try {
      for (int i = 0; i < together; i++) {
        sessions.add(new Session(forward, CacheType.F32));
      }
      for (int group = first; group < end; group++) {
        int from = group * together;
        int to = Math.min(count, from + together);
        List<Session> some = sessions.subList(0, to - from);
        some.forEach(Session::reset);
        states.accept(Session.append(some, chunks(from, to), wanted ? text.length : 0));
        progress.accept(to - from);
      }
    } finally {
      sessions.forEach(Session::close);
    }
  }

  private List<int[]> chunks(int from, int to) {
    List<int[]> chunks = new ArrayList<>();
    for (int i = from; i < to; i++) {
      int[] chunk = Arrays.copyOfRange(text.tokens, i * text.length, (i + 1) * text.length);
      if (text.begin >= 0) {
        chunk[0] = text.begin;
      }
      chunks.add(chunk);
    }
    return chunks;
  }
}
