package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.Printable;
import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.chat.Conversation;
import dev.phial.engine.generate.Generated;
import dev.phial.engine.generate.Generated.Finish;
import dev.phial.engine.generate.Generator;
import dev.phial.engine.generate.Interruption;
import dev.phial.engine.generate.Settings;
import dev.phial.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code phial chat}: question and answer, line by line. */
@Command(
    name = "chat",
    header = "Talks with a model, line by line.",
    description =
        "Each line of standard input is a question; one that ends with a backslash goes on in the next. Ctrl-C stops an"
            + " answer. /help tells what else a line may say.",
    customSynopsis = "phial chat MODEL [--system TEXT] [OPTIONS]",
    footer = {
      "",
      "What is not said about sampling is as the model recommends it, in generation_config.json or the metadata of a GGUF"
          + " file; of a model that recommends nothing, the most probable token is taken."
    },
    sortOptions = false)
final class ChatCommand implements Callable<Integer> {
  private static final String HELP =
      """
      /system TEXT  tell the model something before all else; without TEXT, nothing
      /reset        forget what was said
      /exit         leave; Ctrl-D does too
      /help         this
      A line that ends with a backslash goes on in the next. Ctrl-C stops an answer.\
      """;

  private static final int LONGEST_WORD = 40;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "What the model is told before the first question.")
  private Optional<String> system = Optional.empty();

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Mixin private GenerationOptions options = new GenerationOptions();

  @Option(names = "--json", description = "Print each answer as a line of JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    if (model.equals(Demo.NAME)) {
      System.err.println("note: " + Demo.NO_TALKER);
    }
    Interruption interruption = new Interruption();
    try (Loaded loaded =
        Loaded.open(model, reading, Optional.empty(), options.threads(), interruption)) {
      loaded.forward().hurry();
      Settings settings = options.settings(loaded.checkpoint(), loaded.context());
      Conversation conversation =
          new Conversation(template(loaded), loaded.tokenizer(), settings.context(), system);
      try (Generator generator =
          new Generator(
              loaded.forward(), loaded.tokenizer(), options.cache(), settings, interruption)) {
        try (Talk talk = new Talk(conversation, generator, settings, interruption)) {
          talk.hold();
        }
      }
    } catch (IOException e) {
      throw new PhialException.BadInput("standard input cannot be read: " + e.getMessage(), e);
    }
    System.err.println(stopwatch);
    return Main.DONE;
  }

  private static ChatTemplate template(Loaded loaded) {
    return ChatTemplate.of(loaded.checkpoint())
        .orElseThrow(() ->
            new PhialException.BadInput(
                "%s: expected a chat template, found none: the model continues texts; use phial run"
                    .formatted(loaded.checkpoint().path())));
  }

  /** One session. */
  private final class Talk implements AutoCloseable {
    private final Conversation conversation;
    private final Generator generator;
    private final Settings settings;
    private final Interruption interruption;
    private final boolean isOnTerminal = StandardInput.isTerminal();
    private final Optional<LineEditor> editor;
    private final Questions questions;
    private final CtrlC ctrlC = new CtrlC(this::interrupt);
    private volatile boolean isAnswering;

    Talk(
        Conversation conversation,
        Generator generator,
        Settings settings,
        Interruption interruption) {
      this.conversation = conversation;
      this.generator = generator;
      this.settings = settings;
      this.interruption = interruption;
      int longest = Tokenizer.longestPrompt(settings.context());
      this.editor = isOnTerminal ? LineEditor.open(longest) : Optional.empty();
      this.questions =
          editor.<Questions>map(one -> one).orElseGet(() -> new Lines(System.in, longest));
    }

    /** Ctrl-C, in another thread. */
    private void interrupt() {
      if (isAnswering) {
        interruption.request();
      } else {
        System.err.println();
        System.err.println(Questions.HOW_TO_LEAVE);
        ctrlC.disarm();
        prompt();
      }
    }

    void hold() throws IOException {
      if (isOnTerminal) {
        System.err.println("Ask something, or /help.");
      }
      for (String line = question(); line != null; line = question()) {
        if (line.isBlank()) {
          continue;
        }
        String[] words = line.strip().split("\\s+", 2);
        String rest = words.length > 1 ? words[1] : "";
        switch (words[0]) {
          case "/exit" -> {
            return;
          }
          case "/reset" -> {
            conversation.reset();
            System.err.println("(what was said is forgotten)");
          }
          case "/system" -> {
            conversation.setSystem(Optional.of(rest).filter(text -> !text.isEmpty()));
            System.err.println(rest.isEmpty() ? "(nothing is said before)" : "(it is told first)");
          }
          case "/help" -> System.err.println(HELP);
          default -> {
            if (words[0].matches("/[a-z]+")) {
              System.err.println(
                  "phial: there is no %s; /help tells what there is"
                      .formatted(Printable.of(words[0], LONGEST_WORD)));
            } else {
              answer(line);
            }
          }
        }
      }
      if (isOnTerminal) {
        System.err.println();
      }
    }

    private void prompt() {
      if (isOnTerminal && editor.isEmpty()) {
        System.err.print(Questions.PROMPT);
        System.err.flush();
      }
    }

    /** The next line that is not too long. */
    private @Nullable String question() throws IOException {
      while (true) {
        prompt();
        ctrlC.arm();
        try {
          return questions.next();
        } catch (PhialException e) {
          System.err.println("phial: " + e.getMessage());
        }
      }
    }

    private void answer(String question) {
      isAnswering = true;
      ctrlC.arm();
      try {
        int[] whole = conversation.ask(question);
        boolean isAnswered = false;
        try {
          Generated generated = generator.generate(fit(whole), this::show);
          isAnswered = !generated.text().isEmpty() || generated.finish() != Finish.INTERRUPTED;
          print(generated);
          if (isAnswered) {
            conversation.answer(generated.text());
          }
        } finally {
          if (!isAnswered) {
            conversation.takeBack();
          }
        }
      } catch (PhialException e) {
        System.err.println("phial: " + e.getMessage());
      } finally {
        isAnswering = false;
      }
    }

    private void print(Generated generated) {
      if (json) {
        JsonResult.printLine(GenerationPrinter.json(generated));
      } else {
        System.out.println();
        System.err.println("(" + GenerationPrinter.summary(generated) + ")");
      }
    }

    /** Forgets what is oldest until an answer has room. */
    private int[] fit(int[] whole) {
      int room = Math.min(settings.most(), settings.context() / 4);
      int[] prompt = whole;
      int forgotten = 0;
      while (prompt.length > settings.context() - room && conversation.forgetOldest()) {
        prompt = conversation.prompt();
        forgotten++;
      }
      if (forgotten > 0) {
        System.err.printf(
            "(the context of %d tokens is full: the oldest %d of the questions and answers are forgotten)%n",
            settings.context(), forgotten);
      }
      return prompt;
    }

    @Override
    public void close() {
      questions.close();
      ctrlC.close();
    }

    private void show(String text) {
      if (!json) {
        System.out.print(Printable.lines(text));
        System.out.flush();
      }
      if (System.out.checkError()) {
        interruption.request(); // nobody reads it any more
      }
    }
  }
}
