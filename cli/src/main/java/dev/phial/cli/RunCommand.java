package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.Printable;
import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.chat.Conversation;
import dev.phial.engine.generate.Generated;
import dev.phial.engine.generate.Generator;
import dev.phial.engine.generate.Interruption;
import dev.phial.engine.generate.Settings;
import dev.phial.engine.vision.Picture;
import dev.phial.engine.vision.Sights;
import dev.phial.engine.vision.Viewer;
import dev.phial.source.Checkpoint;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial run}: continues a text. */
@Command(
    name = "run",
    header = "Continues a text, or answers a question.",
    description =
        "The model may be in any type that Phial reads or writes. Without -p and --file, standard input is the prompt.",
    customSynopsis = "phial run MODEL (-p TEXT | --file FILE) [--image FILE] [--chat] [OPTIONS]",
    footer = {
      "",
      "What is not said about sampling is as the model recommends it, in generation_config.json or the metadata of a GGUF"
          + " file; of a model that recommends nothing, the most probable token is taken."
    },
    sortOptions = false)
final class RunCommand implements Callable<Integer> {
  private static final int MOST_INPUT = 64 << 20; // bytes, more than any context takes

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "TEXT",
      description =
          "The text to continue. The text of a special token, like <|user|>, stands for the token.")
  private Optional<String> prompt = Optional.empty();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "A file with the prompt, in UTF-8.")
  private Optional<Path> file = Optional.empty();

  @Option(
      names = "--chat",
      description = "The prompt is a question: ask it as the model's chat template wants it.")
  private boolean chat;

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "What the model is told before the question; means --chat.")
  private Optional<String> system = Optional.empty();

  @Option(
      names = "--image",
      paramLabel = "FILE",
      description =
          "An image that the prompt is about, of a model that sees; once more for each further one. <|image_1|> in the"
              + " prompt (<image> with Phi-4-reasoning-vision) says where it stands, by default before the text.")
  private List<Path> images = List.of();

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Mixin private GenerationOptions options = new GenerationOptions();

  @Option(names = "--json", description = "Print the result as JSON, when all is there.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    if (model.equals(Demo.NAME) && (chat || system.isPresent())) {
      System.err.println("note: " + Demo.NO_TALKER);
    }
    String text = text();
    List<Picture> pictures = images.stream().map(Picture::read).toList();
    Interruption interruption = new Interruption();
    ReadingOptions chosen = pictures.isEmpty() ? reading : reading.seeing();
    try (Loaded loaded =
        Loaded.open(model, chosen, Optional.empty(), options.threads(), interruption)) {
      loaded.forward().hurry();
      Settings settings = options.settings(loaded.checkpoint(), loaded.context());
      try (Generator generator =
          new Generator(
              loaded.forward(), loaded.tokenizer(), options.cache(), settings, interruption)) {
        int[] ids =
            pictures.isEmpty()
                ? prompt(text, loaded, settings)
                : prompt(text, pictures, loaded, settings);
        Output output = new Output(stopwatch, interruption);
        Generated generated = generator.generate(ids, output::show);
        output.end(generated, settings, loaded.checkpoint());
      }
    }
    return Main.DONE;
  }

  private String text() {
    if (prompt.isPresent() && file.isPresent()) {
      throw new PhialException.Usage("expected -p or --file, found both");
    }
    return prompt
        .or(() -> file.map(TextFile::read))
        .orElseGet(() -> StandardInput.read(MOST_INPUT));
  }

  private int[] prompt(String text, Loaded loaded, Settings settings) {
    return chat || system.isPresent()
        ? conversation(loaded, whole -> loaded.tokenizer().prompt(whole, settings.context()))
            .ask(text)
        : encoder(loaded, settings).apply(text);
  }

  private int[] prompt(String text, List<Picture> pictures, Loaded loaded, Settings settings) {
    Viewer viewer = Viewer.of(loaded.checkpoint(), loaded.team());
    Sights sights = Sights.of(viewer, pictures, loaded.forward());
    String marked = sights.marked(text);
    Function<String, int[]> plain = part -> loaded.tokenizer().prompt(part, settings.context());
    return chat || system.isPresent()
        ? conversation(loaded, whole -> sights.prompt(whole, encoder(loaded, settings), plain))
            .ask(marked)
        : sights.prompt(marked, encoder(loaded, settings), plain);
  }

  private static Function<String, int[]> encoder(Loaded loaded, Settings settings) {
    return part -> Generator.prompt(loaded.tokenizer(), part, settings.context());
  }

  private Conversation conversation(Loaded loaded, Function<String, int[]> reader) {
    ChatTemplate template =
        ChatTemplate.of(loaded.checkpoint())
            .orElseThrow(() ->
                new PhialException.BadInput(
                    "%s: expected a chat template, found none: the model continues texts; omit --chat and --system"
                        .formatted(loaded.checkpoint().path())));
    return new Conversation(template, loaded.tokenizer(), reader, system);
  }

  /** What is printed as it comes, and at the end. */
  private final class Output {
    private final Stopwatch stopwatch;
    private final Interruption interruption;
    private double firstSeconds; // when the first character was there

    Output(Stopwatch stopwatch, Interruption interruption) {
      this.stopwatch = stopwatch;
      this.interruption = interruption;
    }

    void show(String text) {
      firstSeconds = firstSeconds == 0 ? stopwatch.seconds() : firstSeconds;
      if (!json) {
        System.out.print(Printable.lines(text));
        System.out.flush();
        if (System.out.checkError()) {
          interruption.request(); // nobody reads it any more
        }
      }
    }

    void end(Generated generated, Settings settings, Checkpoint checkpoint) {
      if (json) {
        ObjectNode result =
            ModelArgument.withNotes(GenerationPrinter.json(generated), List.of(checkpoint));
        result.put("sampling", settings.sampling().toString()).put("seed", settings.seed());
        result.put("first_text_seconds", firstSeconds);
        JsonResult.print(result, stopwatch);
        return;
      }
      System.out.println();
      System.err.println(GenerationPrinter.summary(generated));
      System.err.printf(
          Locale.ROOT,
          "sampling: %s%s%n",
          settings.sampling(),
          settings.sampling().isGreedy() ? "" : ", seed " + settings.seed());
      if (firstSeconds > 0) {
        System.err.printf(Locale.ROOT, "first text after %.2f s, ", firstSeconds);
      }
      System.err.println(stopwatch);
    }
  }
}
