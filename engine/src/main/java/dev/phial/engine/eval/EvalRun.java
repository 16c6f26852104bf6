package dev.phial.engine.eval;

import dev.phial.engine.run.Team;
import dev.phial.engine.work.SharedEvaluation;
import dev.phial.engine.work.Workers;
import dev.phial.io.Progress;
import dev.phial.targets.Pass;
import dev.phial.targets.layout.Sink;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * The work of an evaluation: in one turn the reference and as many candidates as memory allows.
 *
 * @param questions to be asked besides
 * @param workers other machines that read the text, if there are any
 */
public record EvalRun(
    Subject reference,
    Chunks chunks,
    int[] tokens,
    Optional<MultipleChoice> questions,
    int threads,
    Team team,
    Optional<Workers> workers,
    Progress progress) {

  /**
   * Does it.
   *
   * @param files candidates that take no memory
   * @param turns candidates that take some: those that may do so at the same time, one list after
   *     the other
   * @return the reference, and the candidates in the same order
   */
  public List<EvalResult.Entry> evaluate(List<Subject> files, List<List<Quantized>> turns) {
    List<EvalResult.Entry> entries = new ArrayList<>();
    List<Subject> candidates = files;
    for (List<Quantized> turn : turns.isEmpty() ? List.of(List.<Quantized>of()) : turns) {
      quantize(turn);
      List<Subject> subjects = new ArrayList<>(List.of(reference));
      subjects.addAll(candidates);
      turn.forEach(quantized -> subjects.add(Subject.of(quantized)));
      List<EvalResult.Entry> found = measure(subjects);
      entries.addAll(entries.isEmpty() ? found : found.subList(1, found.size()));
      turn.forEach(Quantized::close);
      candidates = List.of();
    }
    return entries;
  }

  private void quantize(List<Quantized> turn) {
    if (turn.isEmpty()) {
      return;
    }
    turn.forEach(quantized -> quantized.sink().allocate());
    Pass.run(turn.stream().<Sink>map(Quantized::sink).toList(), threads, progress)
        .values()
        .forEach(failure -> {
          throw failure;
        });
  }

  private List<EvalResult.Entry> measure(List<Subject> subjects) {
    List<List<Double>> weightErrors =
        subjects.stream()
            .map(subject ->
                subject == reference
                    ? List.<Double>of()
                    : WeightErrors.of(
                        reference.model().description(), subject.model().description(), team))
            .toList();
    List<Evaluation.Result> results = read(subjects);
    List<EvalResult.Entry> entries = new ArrayList<>();
    for (int i = 0; i < subjects.size(); i++) {
      Subject subject = subjects.get(i);
      entries.add(
          new EvalResult.Entry(
              subject,
              results.get(i),
              weightErrors.get(i),
              DecodeSpeed.of(subject.model(), tokens, team),
              questions.map(asked -> ask(asked, subject))));
    }
    return entries;
  }

  private List<Evaluation.Result> read(List<Subject> subjects) {
    Evaluation evaluation =
        new Evaluation(
            subjects.stream()
                .map(subject -> new Evaluation.Named(subject.name(), subject.model()))
                .toList(),
            chunks,
            team);
    long all = (long) chunks.count() * chunks.length() * subjects.size();
    try (Progress.Stage stage = progress.begin(Progress.Unit.TOKENS, all)) {
      IntConsumer advance = read -> stage.advance("reading the text", read);
      return workers.isPresent()
          ? new SharedEvaluation(workers.get(), subjects, chunks).run(evaluation, advance)
          : evaluation.run(advance);
    }
  }

  private MultipleChoice.Result ask(MultipleChoice asked, Subject subject) {
    try (Progress.Stage stage = progress.begin(Progress.Unit.QUESTIONS, asked.size())) {
      return asked.ask(subject.model(), team, () -> stage.advance("of " + subject.name(), 1));
    }
  }
}
