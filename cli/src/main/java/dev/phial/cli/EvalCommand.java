package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.eval.Chunks;
import dev.phial.engine.eval.MultipleChoice;
import dev.phial.engine.run.Team;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.io.AtomicFile;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Recipe;
import dev.phial.source.Checkpoint;
import dev.phial.source.TextFile;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.gguf.GgufTarget;
import dev.phial.targets.layout.MemorySink;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code phial eval}: what was lost. */
@Command(
    name = "eval",
    header = "Measures what was lost: perplexity, and how far candidates are from a reference.",
    description =
        "Lets the models read a text side by side. MODEL is the reference; CANDIDATEs are versions of it in any format,"
            + " and --types more of them, quantized in memory.",
    footer = {
      "",
      "To try it: phial eval demo --types Q8_0,Q4_K_M,Q2_K --html report.html",
      "Weights quantized in memory take as much of it as their file would; files take none."
    },
    customSynopsis = "phial eval MODEL [CANDIDATE]... [--types TYPE,TYPE...] [OPTIONS]",
    sortOptions = false)
final class EvalCommand implements Callable<Integer> {
  /** llama-perplexity's. */
  private static final int USUAL_CONTEXT = 512;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Parameters(
      index = "1..*",
      paramLabel = "CANDIDATE",
      description = "The same, to be compared with it.")
  private List<String> candidates = List.of();

  @Option(
      names = "--types",
      paramLabel = "TYPE",
      split = ",",
      description =
          "Quantize MODEL in memory, as --to gguf:TYPE would, and compare; several with commas between.")
  private List<String> types = List.of();

  @Option(names = "--imatrix", paramLabel = "FILE", description = "Importance matrix for --types.")
  private Optional<Path> imatrix = Optional.empty();

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
          "Tokens of a chunk, of whose second half each is predicted; 512 by default, or what the model promises if less.")
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

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    List<Recipe> recipes = check();
    Optional<AtomicFile> page = html.map(file -> AtomicFile.create(file, force));
    List<Checkpoint> open = new ArrayList<>();
    try (Team team = new Team(threads)) {
      EvalResult result = evaluate(recipes, open, team);
      page.ifPresent(file -> write(EvalPage.of(result), file));
      if (json) {
        System.out.println(EvalPrinter.json(result, stopwatch).toPrettyString());
      } else {
        EvalPrinter.print(result);
        System.err.println(stopwatch);
      }
      return Main.DONE;
    } finally {
      open.forEach(Checkpoint::close);
      page.ifPresent(AtomicFile::close);
    }
  }

  /** What the command line alone tells to be wrong. */
  private List<Recipe> check() {
    Threads.check(threads);
    most.filter(count -> count < 1)
        .ifPresent(count -> {
          throw new PhialException.Usage("--chunks: expected at least 1, found " + count);
        });
    if (types.isEmpty() && (imatrix.isPresent() || allowRequantize || memory.isPresent())) {
      throw new PhialException.Usage(
          "--imatrix, --allow-requantize and --memory are for --types, which is missing");
    }
    return types.stream().map(EvalCommand::recipe).distinct().toList();
  }

  private static Recipe recipe(String type) {
    return Recipe.named(type.strip())
        .orElseThrow(() ->
            new PhialException.Usage(
                "--types: expected some of %s, found %s"
                    .formatted(Arrays.toString(Recipe.values()), type)));
  }

  /**
   * @param open receives what has to stay open until the end
   */
  private EvalResult evaluate(List<Recipe> recipes, List<Checkpoint> open, Team team) {
    Checkpoint checkpoint = open(model, open);
    ModelDescription description = Families.describe(checkpoint);
    Tokenizer tokenizer = Tokenizer.of(checkpoint);
    Subject reference = Subject.of(model, checkpoint, description);
    String read = text();
    int[] plain = tokenizer.encode(read, false).ids();
    int[] tokens = tokenizer.special().precede(plain);
    Chunks chunks = chunks(reference, tokenizer, tokens);
    Optional<MultipleChoice> questions = tasks.map(file -> MultipleChoice.read(file, tokenizer));

    List<Subject> files = new ArrayList<>();
    for (String candidate : candidates) {
      Checkpoint other = open(candidate, open);
      if (!Arrays.equals(Tokenizer.of(other).encode(read, false).ids(), plain)) {
        throw new PhialException.BadInput(
            "%s: expected the vocabulary of the reference, found one that gives other tokens for the text; compare models that share a tokenizer"
                .formatted(candidate));
      }
      files.add(Subject.of(candidate, other, Families.describe(other)));
    }
    checkPage(open);
    List<MemorySink> quantized = plan(recipes, checkpoint, description);
    try {
      EvalRun run = new EvalRun(reference, chunks, tokens, questions, threads, team);
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
      quantized.forEach(MemorySink::close);
    }
  }

  private static Checkpoint open(String model, List<Checkpoint> open) {
    Checkpoint checkpoint = ModelArgument.open(model);
    open.add(checkpoint);
    return checkpoint;
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

  /** With --force, the page must not take the place of what is read. */
  private void checkPage(List<Checkpoint> open) {
    List<Path> sources =
        new ArrayList<>(Stream.of(text, tasks, imatrix).flatMap(Optional::stream).toList());
    open.forEach(checkpoint -> sources.addAll(checkpoint.files()));
    for (Path source : sources) {
      if (html.isPresent() && ModelArgument.isSame(source, html.get())) {
        throw new PhialException.Usage(
            "--html: %s is what is read; expected another name for the page".formatted(source));
      }
    }
  }

  private List<MemorySink> plan(
      List<Recipe> recipes, Checkpoint checkpoint, ModelDescription description) {
    Map<String, List<String>> options = new HashMap<>();
    imatrix.ifPresent(file -> options.put("imatrix", List.of(file.toString())));
    if (allowRequantize) {
      options.put("allow-requantize", List.of());
    }
    return recipes.stream()
        .map(recipe ->
            new GgufTarget()
                .plan(
                    new Request(
                        checkpoint, description, Optional.of(recipe.name()), new Options(options)))
                .inMemory())
        .toList();
  }

  /** Those that fit the memory at once, and the next that do. */
  private List<List<MemorySink>> turns(List<MemorySink> quantized) {
    long room = room();
    List<List<MemorySink>> turns = new ArrayList<>();
    long left = 0;
    for (MemorySink one : quantized) {
      if (one.bytes() > room) {
        throw new PhialException.Unsupported(
            "%s: expected to need at most %s of memory, found %s; write it with phial quantize --to gguf:%s and pass the file, which takes none"
                .formatted(
                    one.plan().precision(),
                    Sizes.of(room),
                    Sizes.of(one.bytes()),
                    one.plan().precision()));
      }
      if (turns.isEmpty() || one.bytes() > left) {
        turns.add(new ArrayList<>());
        left = room;
      }
      turns.getLast().add(one);
      left -= one.bytes();
    }
    return turns;
  }

  private long room() {
    return memory
        .map(size -> {
          if (!size.matches("[1-9]\\d{0,5}[MG]")) {
            throw new PhialException.Usage("--memory: expected a number and M or G, found " + size);
          }
          long number = Long.parseLong(size.substring(0, size.length() - 1));
          return number * (size.endsWith("G") ? 1_000_000_000 : 1_000_000);
        })
        .orElseGet(() -> Stopwatch.freeBytes() / 4 * 3);
  }

  private static void write(String page, AtomicFile file) {
    file.write(ByteBuffer.wrap(page.getBytes(StandardCharsets.UTF_8)), 0);
    file.commit();
  }
}
