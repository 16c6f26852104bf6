package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.calibrate.Calibration;
import dev.phial.engine.calibrate.InputSquares;
import dev.phial.engine.calibrate.MomentCalibration;
import dev.phial.engine.calibrate.RangeSearch;
import dev.phial.engine.convert.TextChunks;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.text.DefaultText;
import dev.phial.engine.tokenizer.SpecialTokens;
import dev.phial.engine.work.SharedCalibration;
import dev.phial.engine.work.Workers;
import dev.phial.io.AtomicFile;
import dev.phial.io.Inputs;
import dev.phial.io.Json;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.source.Checkpoint;
import dev.phial.source.InputMomentsFile;
import dev.phial.source.TextFile;
import dev.phial.targets.ActivationRangesWriter;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.CalibrationText;
import dev.phial.targets.Options;
import dev.phial.targets.gguf.ImportanceMatrixFile;
import dev.phial.targets.gguf.InputMomentsWriter;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.IntConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code phial calibrate}: an importance matrix for {@code quantize --imatrix}, the ranges of
 * activations for {@code quantize --ranges}, or second moments for {@code quantize --moments}.
 */
@Command(
    name = "calibrate",
    header =
        "Computes the importance matrix of a model on a text, its activation ranges or second moments.",
    description =
        "It is written as llama-imatrix writes it, for phial quantize --imatrix and for llama-quantize. The text should be"
            + " like what the model will be used for; the one that comes along is Shakespeare's. With --ranges it is the"
            + " ranges of activations, in JSON, for phial quantize --ranges; with --moments the second moments of what flows"
            + " into each matrix, for phial quantize --method gptq --moments.",
    footer = "",
    customSynopsis = "phial calibrate MODEL [--ranges|--moments] [--text FILE] [-o FILE] [OPTIONS]",
    sortOptions = false)
final class CalibrateCommand implements Callable<Integer> {
  private final Optional<Workers> workers;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Option(
      names = {"-f", "--text"},
      paramLabel = "FILE",
      description = "The text, in UTF-8.")
  private Optional<Path> text = Optional.empty();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "The file to write; imatrix.gguf, ranges.json or moments.gguf by default.")
  private Optional<Path> givenOutput = Optional.empty();

  @Option(names = "--force", description = "Replace an output that exists.")
  private boolean force;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Tokens that are read at a time; 512 by default.")
  private Optional<Integer> context = Optional.empty();

  @Option(
      names = "--chunks",
      paramLabel = "N",
      description =
          "How many times to read so many tokens; -1, the default, for the whole text, or 32,768 tokens with --moments.")
  private int chunks = -1;

  @Option(names = "--ranges", description = "Find the ranges of activations instead.")
  private boolean ranges;

  @Option(
      names = "--moments",
      description =
          "Find second moments instead, once for any number of outputs; the file takes two bytes for each square of what"
              + " flows into a matrix.")
  private boolean moments;

  @Option(
      names = "--" + CalibrationOptions.METHOD,
      paramLabel = "METHOD",
      description = "How ranges are chosen: minmax (default), percentile or entropy.")
  private Optional<String> method = Optional.empty();

  @Option(
      names = "--" + CalibrationOptions.PERCENTILE,
      paramLabel = "P",
      description = "Percent of all activations that their range holds; 99.999 by default.")
  private Optional<String> percentile = Optional.empty();

  @Option(
      names = "--" + CalibrationOptions.ALPHA,
      paramLabel = "A",
      description =
          "How much of the spread of activations goes into the weights: 0 to 1, or none; 0.8 by default.")
  private Optional<String> alpha = Optional.empty();

  @Option(
      names = "--process-output",
      description = "Collect for output.weight too, which is better left alone.")
  private boolean processOutput;

  @Option(
      names = "--parse-special",
      description = "Let the text of a special token, like <|user|>, stand for the token.")
  private boolean parseSpecial;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  CalibrateCommand(Optional<Workers> workers) {
    this.workers = workers;
  }

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    Path output =
        givenOutput.orElse(
            Path.of(ranges ? "ranges.json" : moments ? "moments.gguf" : "imatrix.gguf"));
    if (chunks < -1 || chunks == 0) {
      throw new PhialException.Usage(
          "--chunks: expected a number above 0, or -1, found %d".formatted(chunks));
    }
    if (ranges && moments) {
      throw new PhialException.Usage("--moments and --ranges are found by two commands; omit one");
    }
    if (ranges) {
      findRanges(output, stopwatch);
      return Main.DONE;
    }
    if (method.isPresent() || percentile.isPresent() || alpha.isPresent()) {
      throw new PhialException.Usage(
          "--calibrate-method, --percentile and --smooth-quant-alpha are for --ranges, which is not there");
    }
    if (moments) {
      findMoments(output, stopwatch);
      return Main.DONE;
    }
    String words = text.map(TextFile::read).orElseGet(DefaultText.CALIBRATION::read);
    InputSquares squares = new InputSquares();
    try (Loaded loaded = Loaded.open(model, reading, workers, threads, squares)) {
      check(loaded.checkpoint(), output);
      checkFamily(loaded);
      Calibration calibration = calibration(loaded, words);
      int length = context(loaded);
      try (Progress.Stage stage =
          Bar.progress().begin(Progress.Unit.TOKENS, (long) calibration.count() * length)) {
        IntConsumer advance = read -> stage.advance("reading the text", (long) read * length);
        workers
            .map(machines -> new SharedCalibration(machines, loaded.checkpoint(), processOutput))
            .ifPresentOrElse(
                shared -> shared.run(calibration, squares, advance),
                () -> calibration.run(squares, processOutput, advance));
      }
      List<ImportanceMatrixFile.Entry> entries = squares.entries();
      ImportanceMatrixFile.write(output, force, dataset(), calibration.count(), length, entries);
      report(loaded.checkpoint(), output, entries, calibration.count(), length, stopwatch);
    }
    return Main.DONE;
  }

  private void checkOptions(String asked) {
    if (processOutput || parseSpecial) {
      throw new PhialException.Usage(
          "--%s is for importance matrices; omit it, or %s"
              .formatted(processOutput ? "process-output" : "parse-special", asked));
    }
    Threads.check(threads);
  }

  private void findMoments(Path output, Stopwatch stopwatch) {
    checkOptions("--moments");
    CalibrationText read =
        new CalibrationText(
            text.stream().toList(),
            chunks < 0 ? OptionalInt.empty() : OptionalInt.of(chunks),
            context.map(OptionalInt::of).orElseGet(OptionalInt::empty),
            Optional.empty());
    try (Checkpoint opened =
        ModelArgument.open(model, ModelArgument.Weights.ALL, reading, workers)) {
      check(opened, output);
      Checkpoint checkpoint = opened.text();
      ModelDescription description = Families.describe(opened).text();
      List<int[]> texts = TextChunks.of(read, checkpoint, description);
      MomentCalibration.checkMemory(description.hyperparameters(), texts);
      Model floats = Model.of(description);
      try (Team team = new Team(threads);
          InputMomentsWriter out =
              new InputMomentsWriter(
                  output,
                  force,
                  MomentCalibration.entries(floats, team),
                  InputMomentsFile.identity(checkpoint),
                  dataset());
          Progress.Stage stage =
              Bar.progress().begin(Progress.Unit.WEIGHTS, description.parameters())) {
        MomentCalibration.run(floats, team, texts, out, stage);
        out.commit();
      }
      reportMoments(opened, output, texts, stopwatch);
    }
  }

  private void reportMoments(
      Checkpoint checkpoint, Path output, List<int[]> texts, Stopwatch stopwatch) {
    int length = texts.getFirst().length;
    if (json) {
      ObjectNode result =
          ModelArgument.withNotes(
              Json.MAPPER.createObjectNode().put("file", output.toString()), List.of(checkpoint));
      result.put("dataset", dataset()).put("chunks", texts.size()).put("context", length);
      JsonResult.print(result, stopwatch);
      return;
    }
    System.out.println(output);
    System.err.printf("%d chunks of %d tokens%n", texts.size(), length);
    System.err.println(stopwatch);
  }

  private void findRanges(Path output, Stopwatch stopwatch) {
    checkOptions("--ranges");
    Map<String, List<String>> given = new HashMap<>();
    method.ifPresent(value -> given.put(CalibrationOptions.METHOD, List.of(value)));
    percentile.ifPresent(value -> given.put(CalibrationOptions.PERCENTILE, List.of(value)));
    alpha.ifPresent(value -> given.put(CalibrationOptions.ALPHA, List.of(value)));
    text.ifPresent(value -> given.put(CalibrationOptions.TEXT, List.of(value.toString())));
    context.ifPresent(value -> given.put(CalibrationOptions.CONTEXT, List.of(value.toString())));
    if (chunks > 0) {
      given.put(CalibrationOptions.CHUNKS, List.of(Integer.toString(chunks)));
    }
    CalibrationOptions options = CalibrationOptions.of(new Options(given));
    try (Checkpoint checkpoint =
        ModelArgument.open(model, ModelArgument.Weights.ALL, reading, workers)) {
      check(checkpoint, output);
      ModelDescription description = Families.describe(checkpoint);
      // the attention of Phi-3-small has steps of its own, which no target rounds
      boolean isUsual = description.hyperparameters().attention().blocks().isEmpty();
      RangeSearch search =
          new RangeSearch(
              checkpoint,
              description,
              options,
              isUsual ? ActivationPoint.ALL : ActivationPoint.OF_MATRICES);
      RangeSearch.Result result = search.run(threads, Bar.progress());
      Map<String, Object> origin = search.origin(result);
      ActivationRangesWriter.write(output, force, origin, result.ranges());
      int places = result.ranges().ranges().size();
      if (json) {
        ObjectNode report =
            ModelArgument.withNotes(
                Json.MAPPER.createObjectNode().put("file", output.toString()), List.of(checkpoint));
        origin.forEach((key, value) -> report.set(key, Json.MAPPER.valueToTree(value)));
        report.put("places", places);
        JsonResult.print(report, stopwatch);
        return;
      }
      System.out.println(output);
      System.err.printf(
          "%d places, %d chunks of %d tokens%n", places, result.chunks(), result.context());
      System.err.println(stopwatch);
    }
  }

  private static void checkFamily(Loaded loaded) {
    if (loaded.forward().model().description().family().ggufArchitecture().isEmpty()) {
      throw new PhialException.Unsupported(
          "%s: llama.cpp has no runtime for %s models, so there is no importance matrix to write"
              .formatted(
                  loaded.checkpoint().path(),
                  loaded.forward().model().description().family().name()));
    }
  }

  private void check(Checkpoint checkpoint, Path output) {
    Inputs inputs = new Inputs().addAll(ModelArgument.inputs(model, checkpoint));
    text.ifPresent(inputs::add);
    inputs.refuse(output, "-o");
    AtomicFile.check(output, force);
  }

  private int context(Loaded loaded) {
    return context.orElse(Math.min(RangeSearch.USUAL_CONTEXT, loaded.context()));
  }

  private Calibration calibration(Loaded loaded, String words) {
    SpecialTokens special = loaded.tokenizer().special();
    // the beginning stands before the text, and then in place of each chunk's first token
    int[] ids = special.precede(loaded.tokenizer().encode(words, parseSpecial).ids());
    int most = chunks < 0 ? Integer.MAX_VALUE : chunks;
    return new Calibration(loaded.forward(), ids, context(loaded), most, special.addedBegin());
  }

  private String dataset() {
    return text.map(Path::toString).orElse(DefaultText.CALIBRATION.file());
  }

  private void report(
      Checkpoint checkpoint,
      Path output,
      List<ImportanceMatrixFile.Entry> entries,
      int count,
      int length,
      Stopwatch stopwatch) {
    if (json) {
      ObjectNode result =
          ModelArgument.withNotes(Json.MAPPER.createObjectNode(), List.of(checkpoint));
      result.put("file", output.toString()).put("dataset", dataset());
      result.put("chunks", count).put("context", length).put("entries", entries.size());
      ArrayNode partial = result.putArray("partial");
      entries.stream()
          .filter(entry -> unused(entry) > 0)
          .forEach(entry -> partial.add(entry.name()));
      JsonResult.print(result, stopwatch);
      return;
    }
    System.out.println(output);
    System.err.printf("%d matrices, %d chunks of %d tokens%n", entries.size(), count, length);
    for (ImportanceMatrixFile.Entry entry : entries) {
      if (unused(entry) > 0) {
        System.err.printf(
            "note: %s: %d of %d experts were never asked; a longer text may reach them%n",
            entry.name(), unused(entry), entry.counts().length);
      }
    }
    System.err.println(stopwatch);
  }

  private static int unused(ImportanceMatrixFile.Entry entry) {
    int unused = 0;
    for (float count : entry.counts()) {
      unused += count == 0 ? 1 : 0;
    }
    return unused;
  }
}
