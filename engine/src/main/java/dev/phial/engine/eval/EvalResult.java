package dev.phial.engine.eval;

import java.util.List;
import java.util.Optional;

/**
 * What an evaluation found.
 *
 * @param models the reference, then the candidates
 */
public record EvalResult(Text text, List<Entry> models) {
  /**
   * What was read.
   *
   * @param name of the file
   * @param tokens of all of it
   * @param stride from chunk to chunk, if they overlap
   * @param scored tokens that were predicted
   */
  public record Text(
      String name,
      int tokens,
      int context,
      Optional<Integer> stride,
      int chunks,
      long scored,
      int threads) {}

  /**
   * One of the models.
   *
   * @param weightErrors of the embedding, the layers and the output matrix; {@code NaN} for nothing
   * @param decode tokens per second, one after the other
   */
  public record Entry(
      Subject subject,
      Evaluation.Result result,
      List<Double> weightErrors,
      double decode,
      Optional<MultipleChoice.Result> tasks) {}

  /** The model that all others are compared with. */
  public Entry reference() {
    return models.getFirst();
  }

  /** The others. */
  public List<Entry> candidates() {
    return models.subList(1, models.size());
  }
}
