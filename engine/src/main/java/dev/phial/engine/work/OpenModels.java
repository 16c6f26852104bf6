package dev.phial.engine.work;

import dev.phial.engine.eval.Evaluation;
import dev.phial.engine.eval.Quantized;
import dev.phial.engine.run.Model;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import dev.phial.targets.Pass;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Models that tasks of a process run together: of files that are mapped, or quantized in memory.
 */
final class OpenModels implements AutoCloseable {
  private final Map<ModelPlace, Checkpoint> checkpoints = new LinkedHashMap<>();
  private final List<Evaluation.Named> models = new ArrayList<>();
  private final Deque<Quantized> quantized = new ArrayDeque<>();

  private OpenModels() {}

  static OpenModels open(List<EvaluationJob.Model> subjects, Place place) {
    OpenModels opened = new OpenModels();
    try {
      subjects.forEach(subject -> opened.add(subject, place));
      return opened;
    } catch (Throwable e) {
      opened.close();
      throw e;
    }
  }

  private void add(EvaluationJob.Model subject, Place place) {
    ModelPlace from = subject.place();
    Checkpoint checkpoint = checkpoints.computeIfAbsent(from, any -> from.open(place));
    from.check(checkpoint);
    ModelDescription description = Families.describe(checkpoint);
    OrderSpec order = subject.order();
    models.add(
        new Evaluation.Named(
            subject.name(),
            Model.of(
                order == null
                    ? description
                    : quantized(
                        Quantized.of(subject.name(), order.order(checkpoint, description))))));
  }

  private ModelDescription quantized(Quantized one) {
    quantized.push(one);
    one.sink().allocate();
    int threads = Runtime.getRuntime().availableProcessors();
    Pass.run(List.of(one.sink()), threads, Progress.NONE);
    return one.sink().description();
  }

  List<Evaluation.Named> models() {
    return models;
  }

  @Override
  public void close() {
    quantized.forEach(Quantized::close);
    checkpoints.values().forEach(Checkpoint::close);
  }
}
