package dev.phial.engine.convert;

import dev.phial.PhialException;
import dev.phial.choose.InputMoments;
import dev.phial.choose.Method;
import dev.phial.choose.OutputMoments;
import dev.phial.engine.calibrate.FisherInformation;
import dev.phial.engine.calibrate.MomentCalibration;
import dev.phial.engine.calibrate.MomentSums;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.run.Walk;
import dev.phial.io.EntryLog;
import dev.phial.io.Progress;
import dev.phial.io.Sizes;
import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.source.InputMomentsFile;
import dev.phial.targets.Pass;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.MemorySink;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the codes of an output for what the layers of the model compute when it reads a text:
 * stage by stage, each matrix knowing what flows into it.
 */
final class Refiner implements AutoCloseable {
  private final MemorySink sink;
  private final Layout layout;
  private final Method method;
  private final List<int[]> texts;
  private final Optional<InputMomentsFile> moments; // in place of texts
  private final Optional<EntryLog> log; // what was chosen, a stage an entry
  private final List<String> starved = new ArrayList<>(); // by GGUF name
  private final List<String> unsound = new ArrayList<>();
  private boolean hasRefined;
  private @Nullable FisherInformation fisher;

  /**
   * @param texts that the model reads; none if moments are given
   * @param moments of what flows into the matrices of the float model
   * @param log of the same work, which goes on there
   */
  Refiner(
      Layout layout,
      Method method,
      List<int[]> texts,
      Optional<InputMomentsFile> moments,
      Optional<EntryLog> log) {
    this.layout = layout;
    this.method = method;
    this.texts = texts;
    this.moments = moments;
    this.log = log;
    this.sink = layout.inMemory();
  }

  /**
   * Does the work.
   *
   * @return the output with the codes that were chosen, until this is closed
   */
  Layout run(int threads, Progress progress) {
    checkMemory();
    sink.allocate();
    Pass.run(List.of(sink), threads, progress);
    boolean follows = method == Method.BEST;
    try (Team team = new Team(threads)) {
      if (follows) {
        refineEmbedding(team);
      }
      walk(follows, team, progress);
    }
    return sink.chosen();
  }

  private void walk(boolean follows, Team team, Progress progress) {
    try (@Nullable Walk own = follows ? new Walk(Model.of(sink.description()), team, texts) : null;
        Walk exact = new Walk(Model.of(layout.model()), team, texts, own);
        Progress.Stage stage = progress.begin(Progress.Unit.WEIGHTS, layout.model().parameters())) {
      walk(exact, own, team, stage);
    }
  }

  /**
   * Chooses the codes of the embedding for what the model predicts, by the Fisher information in
   * what it gives; one that is the output matrix too, in one tensor, is left to that.
   */
  private void refineEmbedding(Team team) {
    Weight embedding = embedding();
    if (!sink.canRefine(embedding, Role.TOKEN_EMBEDDING)
        || isShared(embedding)
        || layout.model().hyperparameters().hidden() % MatrixKernels.PANEL != 0) {
      return;
    }
    List<Chosen> chosen = List.of(new Chosen(embedding, 0, Role.TOKEN_EMBEDDING));
    if (takeFromLog(chosen)) {
      return;
    }
    refine(chosen, fisher(team).embedding(), weight -> Optional.empty(), team);
  }

  /** What the model's predictions depend on: found when it is first asked for. */
  private FisherInformation fisher(Team team) {
    if (fisher == null) {
      fisher = FisherInformation.of(Model.of(layout.model()), texts, this::isChosen, team);
    }
    return fisher;
  }

  /** Whether codes of a parameter are chosen for what it gives as a matrix. */
  private boolean isChosen(Weight weight) {
    return sink.canRefine(weight, Role.OUTPUT)
        || weight.role() != Role.TOKEN_EMBEDDING && sink.canRefine(weight, weight.role());
  }

  /** A matrix whose codes are chosen again. */
  private record Chosen(Weight weight, int matrix, Role role) {}

  /** Inputs that tell nothing, all zero say, leave what a search found. */
  private void refine(
      List<Chosen> matrices,
      InputMoments inputs,
      Function<Weight, Optional<OutputMoments>> outputs,
      Team team) {
    List<Runnable> tasks = new ArrayList<>();
    try {
      for (Chosen m : matrices) {
        tasks.addAll(sink.refinements(m.weight, m.matrix, m.role, inputs, outputs.apply(m.weight)));
      }
    } catch (PhialException.BadInput e) {
      unsound.add(matrices.getFirst().weight.ggufName());
      tasks.clear();
    }
    team.forEach(tasks.size(), i -> tasks.get(i).run());
    log.ifPresent(entries -> {
      ByteArrayOutputStream codes = new ByteArrayOutputStream();
      if (!tasks.isEmpty()) {
        matrices.forEach(m -> codes.writeBytes(sink.codes(m.weight, m.matrix, m.role)));
      }
      entries.add(codes.toByteArray());
    });
  }

  /** Whether the codes were chosen before the work was interrupted. */
  private boolean takeFromLog(List<Chosen> matrices) {
    Optional<byte[]> found = log.flatMap(EntryLog::take);
    found.ifPresent(codes -> {
      if (codes.length == 0) {
        unsound.add(matrices.getFirst().weight.ggufName());
        return;
      }
      int at = 0;
      for (Chosen m : matrices) {
        sink.setCodes(m.weight, m.matrix, m.role, codes, at);
        at += sink.codeBytes(m.weight, m.matrix, m.role);
      }
    });
    return found.isPresent();
  }

  private Weight embedding() {
    return layout.model().weights().stream()
        .filter(weight -> weight.role() == Role.TOKEN_EMBEDDING)
        .findFirst()
        .orElseThrow();
  }

  /** Whether one tensor is both embedding and output matrix. */
  private boolean isShared(Weight embedding) {
    return !sink.canRefine(embedding, Role.OUTPUT)
        && layout.model().weights().stream().noneMatch(weight -> weight.role() == Role.OUTPUT);
  }

  /** Says what is missing before hours of work, and not after. */
  private void checkMemory() {
    long tokens = texts.stream().mapToLong(text -> text.length).sum();
    Hyperparameters h = layout.model().hyperparameters();
    boolean follows = method == Method.BEST;
    int widest = Walk.widest(h);
    long needed = MomentSums.bytes(widest, follows) + (follows ? 2 : 1) * Walk.bytes(h, tokens);
    if (follows) {
      needed += FisherInformation.bytes(layout.model(), this::isChosen);
    }
    long found = Runtime.getRuntime().maxMemory();
    if (needed > found) {
      throw new PhialException.Unsupported(
          "--method %s: expected %s of memory for %d tokens and matrices of %d columns, found %s; choose fewer --calibration-chunks%s"
              .formatted(
                  method.label(),
                  Sizes.of(needed),
                  tokens,
                  widest,
                  Sizes.of(found),
                  follows ? ", or --method gptq" : ""));
    }
  }

  private void walk(Walk exact, @Nullable Walk own, Team team, Progress.Stage progress) {
    while (true) {
      if (own != null) {
        own.next();
      }
      Walk.Stage stage = exact.next();
      if (stage == null) {
        return;
      }
      refine(stage, exact, own, team);
      stage.advance(progress);
    }
  }

  private void refine(Walk.Stage stage, Walk exact, @Nullable Walk own, Team team) {
    int columns = stage.columns();
    Predicate<Weight> hasOutput = weight -> sink.canRefine(weight, Role.OUTPUT);
    List<Chosen> matrices =
        stage.readers().stream()
            .map(reader ->
                new Chosen(reader.weight(), reader.matrix(), stage.role(reader, hasOutput)))
            .filter(m -> sink.canRefine(m.weight, m.role))
            .toList();
    Optional<InputMomentsFile.Entry> entry = MomentCalibration.entry(stage);
    if (entry.isEmpty() || matrices.isEmpty()) {
      return;
    }
    hasRefined = true;
    long count = count(entry.get(), own == null ? exact : own);
    String name = matrices.getFirst().weight.ggufName();
    if (count < columns && !starved.contains(name)) {
      starved.add(name);
    }
    if (count == 0 || takeFromLog(matrices)) {
      return; // an expert that nothing chose keeps what a search found
    }
    refine(
        matrices,
        inputs(stage, entry.get(), exact, own, team),
        weight -> own == null ? Optional.empty() : fisher(team).of(weight),
        team);
  }

  /** How many inputs the matrices of a stage have. */
  private long count(InputMomentsFile.Entry entry, Walk seen) {
    return moments
        .map(file -> file.count(entry))
        .orElseGet(
            () -> IntStream.range(0, texts.size()).mapToLong(i -> seen.input(i).count()).sum());
  }

  private InputMoments inputs(
      Walk.Stage stage, InputMomentsFile.Entry entry, Walk exact, @Nullable Walk own, Team team) {
    if (moments.isPresent()) {
      return new InputMoments(entry.size(), moments.get().moments(entry), new float[0]);
    }
    // an embedding that is the output matrix too must not make up for drift in the one role alone
    boolean follows =
        own != null && !(stage.layer() < 0 && isShared(stage.readers().getFirst().weight()));
    MomentSums sums = new MomentSums(stage.columns(), follows, team);
    for (int i = 0; i < exact.texts(); i++) {
      sums.add((own == null ? exact : own).input(i), follows ? exact.input(i) : null);
    }
    return sums.moments();
  }

  /** What a user should know of what was chosen, a line each. */
  List<String> findings() {
    List<String> findings = new ArrayList<>();
    if (!hasRefined) {
      findings.add(
          "--method %s changed nothing: %s has no codes that it could choose"
              .formatted(method.label(), layout.plan().precision()));
    }
    if (!starved.isEmpty()) {
      findings.add(
          "%s saw fewer tokens than it has columns%s; a longer text, or more --calibration-chunks, would be better"
              .formatted(starved.getFirst(), andMore(starved)));
    }
    if (!unsound.isEmpty()) {
      findings.add(
          "%s has inputs that tell nothing%s; its scales were searched as --method search does"
              .formatted(unsound.getFirst(), andMore(unsound)));
    }
    return findings;
  }

  private static String andMore(List<String> names) {
    return names.size() > 1 ? ", as did %d more".formatted(names.size() - 1) : "";
  }

  /** Forgets what could be gone on with: the output is written. */
  void finish() {
    log.ifPresent(EntryLog::remove);
  }

  @Override
  public void close() {
    sink.close();
    moments.ifPresent(InputMomentsFile::close);
    log.ifPresent(EntryLog::close);
  }
}
