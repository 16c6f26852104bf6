package dev.phial.engine.work;

import dev.phial.engine.eval.Chunks;
import dev.phial.engine.eval.Evaluation;
import dev.phial.engine.eval.Scores;
import dev.phial.engine.eval.Subject;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * An evaluation whose text other machines read; this one adds up what models said of each token, in
 * the order of the text.
 */
public final class SharedEvaluation {
  private final Workers workers;
  private final EvaluationJob job;

  /**
   * @param subjects the reference and the candidates
   * @throws dev.phial.PhialException.Unsupported if one of them is more than its files
   */
  public SharedEvaluation(Workers workers, List<Subject> subjects, Chunks chunks) {
    this.workers = workers;
    this.job = EvaluationJob.of(workers, subjects, chunks);
  }

  /**
   * Has it read.
   *
   * @param evaluation of the same models and chunks
   * @param progress told the tokens that a model has read
   */
  public List<Evaluation.Result> run(Evaluation evaluation, IntConsumer progress) {
    List<Integer> groups = IntStream.range(0, evaluation.groups()).boxed().toList();
    workers.run(
        job,
        groups,
        (group, written) -> {
          evaluation.add(group, List.of((Scores[]) Values.read(written)));
          progress.accept(evaluation.tokens() * job.subjects().size());
        });
    return evaluation.results();
  }
}
