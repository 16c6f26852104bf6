package dev.phial.engine.work;

import dev.phial.engine.eval.Chunks;
import dev.phial.engine.eval.Evaluation;
import dev.phial.engine.eval.Scores;
import dev.phial.engine.eval.Subject;
import dev.phial.engine.run.Team;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Reads a group of chunks with all models. A task is the number of a group, and writes an array of
 * {@link Scores}, one for each model.
 *
 * @param key of the open models, see {@link Lease}
 * @param begin see {@link Chunks}; below 0 for none
 */
record EvaluationJob(
    String key, List<Model> subjects, int[] tokens, int length, int step, int first, int begin)
    implements Job<Integer> {
  /**
   * A model.
   *
   * @param order by which it is quantized in memory, if it is
   */
  record Model(String name, ModelPlace place, @Nullable OrderSpec order) implements Serializable {
    static Model of(Subject subject, Workers workers) {
      subject.order().ifPresent(SharedPass::check);
      return new Model(
          subject.name(),
          ModelPlace.of(subject.checkpoint(), workers),
          subject.order().map(OrderSpec::of).orElse(null));
    }
  }

  static EvaluationJob of(Workers workers, List<Subject> subjects, Chunks chunks) {
    return new EvaluationJob(
        Lease.newKey(),
        subjects.stream().map(subject -> Model.of(subject, workers)).toList(),
        chunks.tokens(),
        chunks.length(),
        chunks.step(),
        chunks.first(),
        chunks.begin().orElse(-1));
  }

  private Chunks chunks() {
    OptionalInt beginning = begin < 0 ? OptionalInt.empty() : OptionalInt.of(begin);
    return new Chunks(tokens, length, step, first, beginning);
  }

  @Override
  public String title() {
    return "eval " + subjects.getFirst().place().path();
  }

  @Override
  public long amount(Integer group) {
    return (long) length * subjects.size();
  }

  @Override
  public String unit() {
    return "tokens";
  }

  @Override
  public void run(Integer group, Place place, DataOutputStream out) throws IOException {
    try (Lease<OpenModels> lease = Lease.of(key, () -> OpenModels.open(subjects, place));
        Team team = new Team(1)) {
      Evaluation evaluation = new Evaluation(lease.value().models(), chunks(), team);
      Values.write(evaluation.read(group, read -> {}).toArray(Scores[]::new), out);
    }
  }
}
