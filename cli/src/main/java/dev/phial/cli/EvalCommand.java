package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.Printable;
import dev.phial.engine.convert.Order;
import dev.phial.engine.convert.Preparation;
import dev.phial.engine.eval.Chunks;
import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.EvalRun;
import dev.phial.engine.eval.MultipleChoice;
import dev.phial.engine.eval.Quantized;
import dev.phial.engine.eval.Subject;
import dev.phial.engine.report.EvalJson;
import dev.phial.engine.report.EvalPage;
import dev.phial.engine.report.EvalTable;
import dev.phial.engine.run.Team;
import dev.phial.engine.text.DefaultText;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.engine.work.Workers;
import dev.phial.io.AtomicFile;
import dev.phial.io.Inputs;
import dev.phial.io.Progress;
import dev.phial.io.Sizes;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import dev.phial.source.TextFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code phial eval}: what was lost. */
@Command(
    name = "eval",
    header = "Measures what was lost: perplexity, and how far candidates are from a reference.",
    description =
        "Lets the models read a text side by side. MODEL is the reference; CANDIDATEs are versions of it in any format,"
            + " and --types more of them, quantized in memory.",
    footer = {
      "",
      "To try it: phial eval demo --types Q8_0,Q4_K_M,onnx:int4 --html report.html",
      "Speeds are Phial's own, in tokens per second; other runtimes differ.",
      "Weights quantized in memory take as much of it as their file would; files take none."
    },
    customSynopsis = "phial eval MODEL [CANDIDATE]... [--types TARGET:PRECISION,...] [OPTIONS]",
    sortOptions = false)
final class EvalCommand implements Callable<Integer> {
  /** llama-perplexity's. */
  private static final int USUAL_CONTEXT = 512;

  private static final int LONGEST_NAME = 200;

  /** What MODEL is called where its adapter is left out; no path is called so. */
  private static final String PLAIN = "no adapter";

  private final Optional<Workers> workers;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Parameters(
      index = "1..*",
      paramLabel = "CANDIDATE",
      description = "The same, to be compared with it.")
  private List<String> candidates = List.of();

  @Option(
      names = "--types",
      paramLabel = "TARGET:PRECISION",
      split = ",",
      description =
          "Quantize MODEL in memory, as --to would, and compare; several with commas between. Without a target: GGUF.")
  private List<String> types = List.of();

  @Option(names = "--imatrix", paramLabel = "FILE", description = "Importance matrix for --types.")
  private Optional<Path> imatrix = Optional.empty();

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Mixin private MethodOptions method = new MethodOptions();

  @Option(
      names = "--allow-requantize",
      description = "Let --types quantize a MODEL that is quantized already.")
  private boolean allowRequantize;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      description = "The text to read, in UTF-8; scenes of Shakespeare by default.")
  private Optional<Path> text = Optional.empty();

  @Option(
      names = "--context",
      paramLabel = "N",
      description =
          "Tokens of a chunk: the first half is context, each token of the second half is predicted; 512 by default, or what the model promises if less.")
  private Optional<Integer> context = Optional.empty();

  @Option(
      names = "--stride",
      paramLabel = "N",
      description = "Let chunks overlap: each predicts N tokens more, from at least a context.")
  private Optional<Integer> stride = Optional.empty();

  @Option(names = "--chunks", paramLabel = "N", description = "Read only the first N chunks.")
  private Optional<Integer> most = Optional.empty();

  @Option(
      names = "--tasks",
      paramLabel = "FILE",
      description =
          "Also ask multiple-choice questions, a line of JSON each: question, choices, answer.")
  private Optional<Path> tasks = Optional.empty();

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Also write a page with plots of size, quality and the error of each layer.")
  private Optional<Path> html = Optional.empty();

  @Option(
      names = "--max-kl",
      paramLabel = "X",
      description =
          "Fail, with exit status 1, if the mean KL divergence of a candidate is above X: a gate for tests.")
  private Optional<Double> mostLoss = Optional.empty();

  @Option(names = "--wide", description = "Print all columns, more than 80 characters take.")
  private boolean wide;

  @Option(names = "--force", description = "Replace an --html file that exists.")
  private boolean force;

  @Option(
      names = "--memory",
      paramLabel = "N(M|G)",
      description =
          "Memory for --types, most of what is free by default; what does not fit at once is compared in turns.")
  private Optional<String> memory = Optional.empty();

  @Option(names = "--threads", paramLabel = "N", description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  EvalCommand(Optional<Workers> workers) {
    this.workers = workers;
  }

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    check();
    List<Checkpoint> open = new ArrayList<>();
    Optional<AtomicFile> page = Optional.empty();
    try (Team team = new Team(threads)) {
      open.add(ModelArgument.open(model, workers));
      Checkpoint plain = reading.named(open.getFirst(), workers);
      Checkpoint reference = reading.adapted(plain);
      open.set(0, reference);
      candidates.forEach(candidate -> open.add(ModelArgument.open(candidate, workers)));
      page = html.map(file -> startPage(file, open));
      EvalResult result =
          evaluate(open, reference == plain ? Optional.empty() : Optional.of(plain), team);
      page.ifPresent(file -> write(EvalPage.of(result, Pages.circumstances(spec)), file));
      if (json) {
        JsonResult.print(ModelArgument.withNotes(EvalJson.of(result), open), stopwatch);
      } else {
        print(result);
        System.err.println(stopwatch);
      }
      return judge(result);
    } finally {
      open.forEach(Checkpoint::close);
      page.ifPresent(AtomicFile::close);
    }
  }

  /** Whether all candidates are as near to the reference as was asked for. */
  private int judge(EvalResult result) {
    int status = Main.DONE;
    for (EvalResult.Entry entry : result.candidates()) {
      if (entry.subject().name().equals(PLAIN)) {
        continue; // nobody asked for it to be near
      }
      double loss = entry.result().divergence().mean().value();
      if (mostLoss.isPresent() && !(loss <= mostLoss.get())) {
        System.err.printf(
            Locale.ROOT,
            "phial: %s: expected a mean KL divergence of at most %s, found %.6f%n",
            Printable.of(entry.subject().name(), LONGEST_NAME),
            mostLoss.get(),
            loss);
        status = Main.FAILED;
      }
    }
    return status;
  }

  /** What the command line alone tells to be wrong. */
  private void check() {
    Threads.check(threads);
    mostLoss
        .filter(most -> !(most >= 0))
        .ifPresent(most -> {
          throw new PhialException.Usage("--max-kl: expected a number from 0, found " + most);
        });
    if (mostLoss.isPresent() && candidates.isEmpty() && types.isEmpty()) {
      throw new PhialException.Usage("--max-kl is for candidates, which are missing");
    }
    most.filter(count -> count < 1)
        .ifPresent(count -> {
          throw new PhialException.Usage("--chunks: expected at least 1, found " + count);
        });
    if (types.isEmpty() && (imatrix.isPresent() || allowRequantize || memory.isPresent())) {
      throw new PhialException.Usage(
          "--imatrix, --allow-requantize and --memory are for --types, which is missing");
    }
  }

  /**
   * @param open the model and the candidates
   * @param unadapted the model without the adapter, if it has one: that makes a difference, too
   */
  private EvalResult evaluate(List<Checkpoint> open, Optional<Checkpoint> unadapted, Team team) {
    Checkpoint checkpoint = open.getFirst();
    ModelDescription description = Families.describe(checkpoint);
    Tokenizer tokenizer = Tokenizer.of(checkpoint);
    Subject reference = Subject.of(model, checkpoint, description);
    String read = text();
    int[] plain = tokenizer.encode(read, false).ids();
    int[] tokens = tokenizer.special().precede(plain);
    Chunks chunks = chunks(reference, tokenizer, tokens);
    Optional<MultipleChoice> questions = tasks.map(file -> MultipleChoice.read(file, tokenizer));

    List<Subject> files = new ArrayList<>();
    unadapted.ifPresent(p -> files.add(Subject.of(PLAIN, p, Families.describe(p))));
    for (int i = 0; i < candidates.size(); i++) {
      String candidate = candidates.get(i);
      Checkpoint other = open.get(i + 1);
      if (!Arrays.equals(Tokenizer.of(other).encode(read, false).ids(), plain)) {
        throw new PhialException.BadInput(
            "%s: expected the vocabulary of the reference, found one that gives other tokens for the text; compare models that share a tokenizer"
                .formatted(candidate));
      }
      files.add(Subject.of(candidate, other, Families.describe(other)));
    }
    Progress progress = Bar.progress();
    List<Quantized> quantized = new ArrayList<>();
    try (Preparation preparation = new Preparation(threads, progress)) {
      quantized.addAll(quantized(checkpoint, description, preparation));
      EvalRun run =
          new EvalRun(reference, chunks, tokens, questions, threads, team, workers, progress);
      List<EvalResult.Entry> entries = run.evaluate(files, turns(quantized));
      EvalResult.Text about =
          new EvalResult.Text(
              text.map(Path::toString).orElse(DefaultText.TEST.file()),
              tokens.length,
              chunks.length(),
              stride,
              chunks.count(),
              entries.getFirst().result().perplexity().tokens(),
              threads);
      return new EvalResult(about, entries);
    } finally {
      quantized.forEach(Quantized::close);
    }
  }

  private String text() {
    return text.map(TextFile::readLikePython).orElseGet(DefaultText.TEST::read);
  }

  private Chunks chunks(Subject reference, Tokenizer tokenizer, int[] tokens) {
    int longest = reference.model().hyperparameters().context();
    int length = context.orElse(Math.min(USUAL_CONTEXT, longest));
    if (length > longest) {
      throw new PhialException.Usage(
          "--context: expected at most %d, the context of %s, found %d"
              .formatted(longest, reference.name(), length));
    }
    Chunks chunks =
        stride
            .map(step -> Chunks.strided(tokens, length, step))
            .orElseGet(() -> Chunks.halves(tokens, length, tokenizer.special().addedBegin()));
    return most.filter(count -> count < chunks.count()).map(chunks::limit).orElse(chunks);
  }

  private AtomicFile startPage(Path file, List<Checkpoint> open) {
    Inputs inputs = new Inputs().addAll(ModelArgument.inputs(model, open.getFirst()));
    for (int i = 0; i < candidates.size(); i++) {
      inputs.addAll(ModelArgument.inputs(candidates.get(i), open.get(i + 1)));
    }
    Stream.of(text, tasks, imatrix).flatMap(Optional::stream).forEach(inputs::add);
    inputs.refuse(file, "--html");
    return AtomicFile.create(file, force);
  }

  private List<Quantized> quantized(
      Checkpoint checkpoint, ModelDescription description, Preparation preparation) {
    Map<String, List<String>> options = new LinkedHashMap<>();
    imatrix.ifPresent(file -> options.put("imatrix", List.of(file.toString())));
    if (allowRequantize) {
      options.put("allow-requantize", List.of());
    }
    List<String> names = types.stream().map(String::strip).distinct().toList();
    List<Order> orders =
        new TargetArguments(
                names.stream().map(name -> name.contains(":") ? name : "gguf:" + name).toList(),
                options)
            .orders(checkpoint, description, method.method(), method.text());
    List<Order> known = preparation.of(orders);
    List<Quantized> quantized = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      quantized.add(Quantized.of(names.get(i), known.get(i)));
    }
    return quantized;
  }

  /** Those that fit the memory at once, and the next that do. */
  private List<List<Quantized>> turns(List<Quantized> quantized) {
    long room = Memory.bytes(memory);
    List<List<Quantized>> turns = new ArrayList<>();
    long left = 0;
    for (Quantized one : quantized) {
      long bytes = one.sink().bytes();
      if (bytes > room) {
        throw new PhialException.Unsupported(
            "%s: expected to need at most %s of memory, found %s; write it with phial quantize and pass the file, which takes none"
                .formatted(one.name(), Sizes.of(room), Sizes.of(bytes)));
      }
      if (turns.isEmpty() || bytes > left) {
        turns.add(new ArrayList<>());
        left = room;
      }
      turns.getLast().add(one);
      left -= bytes;
    }
    return turns;
  }

  private void print(EvalResult result) {
    List<List<String>> rows = wide ? EvalTable.wide(result) : EvalTable.narrow(result);
    Table table =
        new Table((wide ? "ll" : "l") + "r".repeat(rows.getFirst().size() - (wide ? 2 : 1)));
    rows.forEach(row -> table.row(row.toArray()));
    table.print(System.out);
    System.out.println(EvalTable.summary(result));
    if (wide) {
      System.out.println(
          "prefill and decode: tokens per second of Phial on this machine, not of the runtimes");
    }
  }

  private static void write(String page, AtomicFile file) {
    file.write(ByteBuffer.wrap(page.getBytes(StandardCharsets.UTF_8)), 0);
    file.commit();
  }
}
