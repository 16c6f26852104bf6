package dev.phial.engine.eval;

import dev.phial.PhialException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * A text cut into pieces that a model reads one by one, as llama-perplexity cuts it.
 *
 * @param tokens of the whole text
 * @param length tokens of a chunk
 * @param step from the start of one chunk to that of the next
 * @param first the first token of a chunk, from 0, whose successor is scored; the ones before are
 *     only context
 * @param begin what stands in place of a chunk's first token: the vocabulary's beginning of text,
 *     if the model expects one
 */
public record Chunks(int[] tokens, int length, int step, int first, OptionalInt begin) {

  /** One chunk after the other, of whose tokens the second half is scored. */
  public static Chunks halves(int[] tokens, int context, OptionalInt begin) {
    return checked(new Chunks(tokens, context, context, context / 2, begin));
  }

  /**
   * Overlapping chunks: each scores {@code stride} tokens that the one before did not. As in
   * llama-perplexity, half a stride is added to the context, and no token is replaced.
   */
  public static Chunks strided(int[] tokens, int context, int stride) {
    int length = context + stride / 2;
    if (stride < 1 || stride >= length) {
      throw new PhialException.Usage(
          "--stride: expected 1 to %d, less than the context, found %d".formatted(context, stride));
    }
    return checked(new Chunks(tokens, length, stride, length - stride - 1, OptionalInt.empty()));
  }

  private static Chunks checked(Chunks chunks) {
    if (chunks.length < 4) {
      throw new PhialException.Usage(
          "--context: expected at least 4, found %d".formatted(chunks.length));
    }
    if (chunks.count() == 0) {
      throw new PhialException.BadInput(
          "expected a text of at least %d tokens, one context, found %d; give a longer text or a shorter context"
              .formatted(chunks.length, chunks.tokens.length));
    }
    return chunks;
  }

  /** How many there are; a rest shorter than a chunk is left out. */
  public int count() {
    if (tokens.length < length) {
      return 0;
    }
    return step == length
        ? tokens.length / length
        : Math.max(1, (tokens.length - length + step - 1) / step);
  }

  /** Only the first {@code most}. */
  public Chunks limit(int most) {
    int end = Math.min(tokens.length, (most - 1) * step + length + (step == length ? 0 : 1));
    return new Chunks(java.util.Arrays.copyOf(tokens, end), length, step, first, begin);
  }

  /** Tokens scored in each. */
  public int scored() {
    return length - 1 - first;
  }

  /** The tokens of one. */
  int[] chunk(int index) {
    int[] chunk = java.util.Arrays.copyOfRange(tokens, index * step, index * step + length);
    begin.ifPresent(token -> chunk[0] = token);
    return chunk;
  }

  /** The tokens of several. */
  List<int[]> chunks(int from, int to) {
    List<int[]> chunks = new ArrayList<>();
    for (int i = from; i < to; i++) {
      chunks.add(chunk(i));
    }
    return chunks;
  }
}
