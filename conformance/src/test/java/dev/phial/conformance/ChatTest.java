package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code phial chat}, with a pipe where a user would sit. */
final class ChatTest {
  @TempDir Path folder;

  @Test
  void remembersWhatWasSaid() {
    List<JsonNode> answers =
        answers(
            talk("Who is there?\n\nAnd who\\\nelse?\n/reset\nWho is there?\n", "-n", "8", "--json")
                .succeeded());
    assertThat(answers).hasSize(3);
    JsonNode first = answers.get(0);
    JsonNode second = answers.get(1);
    int known =
        second.path("prompt_tokens").intValue() - second.path("prompt_tokens_computed").intValue();
    assertThat(second.path("prompt_tokens").intValue())
        .isGreaterThan(first.path("prompt_tokens").intValue());
    // what was computed for the first answer is not computed again
    assertThat(known).isGreaterThanOrEqualTo(first.path("prompt_tokens").intValue());
    assertThat(answers.get(2).path("prompt_tokens")).isEqualTo(first.path("prompt_tokens"));
    assertThat(answers.get(2).path("ids")).isEqualTo(first.path("ids"));
  }

  /** The arrow keys, on a terminal that util-linux makes. */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void linesAreEditedOnATerminal() throws Exception {
    assumeThat(Path.of("/usr/bin/script")).isExecutable();
    String command = "stty cols 80 rows 24; exec '" + String.join("' '", words()) + "'";
    Path screen = folder.resolve("screen");
    ProcessBuilder terminal =
        new ProcessBuilder("/usr/bin/script", "-qec", command, "/dev/null")
            .redirectErrorStream(true)
            .redirectOutput(screen.toFile());
    terminal.environment().put("TERM", "xterm");
    Process chat = terminal.start();
    String up = "\033OA";
    String left = "\033OD";
    try (Writer keys = chat.outputWriter(StandardCharsets.UTF_8)) {
      type("/system Be kind\r", 1, keys, screen);
      type(up + left + "r\r", 2, keys, screen);
      keys.append('\004').flush(); // Ctrl-D
      assertThat(chat.waitFor(1, TimeUnit.MINUTES)).isTrue();
      assertThat(chat.exitValue()).as(Files.readString(screen)).isZero();
    } finally {
      chat.destroyForcibly();
    }
  }

  /** Types when it is asked to, and waits until it was understood so many times. */
  private static void type(String line, int times, Writer keys, Path screen) throws Exception {
    await(screen, "> ", times);
    keys.append(line).flush();
    await(screen, "(it is told first)", times);
  }

  private static void await(Path screen, String text, int times) throws Exception {
    long start = System.nanoTime();
    while (Files.readString(screen).split(Pattern.quote(text), -1).length <= times) {
      assertThat(System.nanoTime() - start)
          .as(Files.readString(screen))
          .isLessThan(TimeUnit.MINUTES.toNanos(1));
      Thread.sleep(10);
    }
  }

  @Test
  void answersAsRunDoes() {
    JsonNode told =
        answers(talk("/system Be kind.\nWho is there?\n", "-n", "8", "--json").succeeded())
            .getFirst();
    Command.Result run =
        Phial.call(
            List.of(
                "run", "demo", "-p", "Who is there?", "--system", "Be kind.", "-n", "8", "--json"));
    JsonNode expected = new JsonMapper().readTree(run.succeeded().out());
    assertThat(told.path("prompt_tokens")).isEqualTo(expected.path("prompt_tokens"));
    assertThat(told.path("ids")).isEqualTo(expected.path("ids"));
    assertThat(told.path("text")).isEqualTo(expected.path("text"));
  }

  @Test
  void streamsTextAndSaysHowFast() {
    Command.Result result =
        talk("Who?\n/help\n/nonsense\n/exit\nNo more?\n", "-n", "4").succeeded();
    assertThat(result.err())
        .contains("answer: ", "/system TEXT", "there is no /nonsense", "peak memory")
        .doesNotContain("> ");
    assertThat(result.err().split("answer: ", -1)).hasSize(2);
  }

  @Test
  void forgetsTheOldestWhenTheContextIsFull() {
    String question = "What says the king of all these men that come to him from far away?\n";
    Command.Result result =
        talk(question.repeat(8), "-n", "16", "--context", "100", "--ignore-eos", "--json");
    assertThat(answers(result.succeeded()))
        .hasSize(8)
        .allSatisfy(answer -> {
          assertThat(answer.path("prompt_tokens").intValue()).isBetween(1, 84);
          assertThat(answer.path("generated_tokens").intValue()).isEqualTo(16);
        });
    assertThat(result.err()).contains("the context of 100 tokens is full: the oldest 1 of the");
  }

  /** What does not fit at all is refused, and the conversation goes on without it. */
  @Test
  void survivesAQuestionThatIsTooLong() {
    Command.Result result =
        talk("word ".repeat(500) + "\nWho?\n", "-n", "4", "--context", "200", "--json");
    assertThat(answers(result.succeeded())).hasSize(1);
    assertThat(result.err()).contains("expected a prompt of at most 200 tokens");
  }

  /** No token is that long: such a line is not even tokenized. */
  @Test
  void survivesALineThatIsFarTooLong() {
    String endless = "a".repeat(100_000);
    Command.Result result =
        talk(
            endless + "\n" + "more\\\n".repeat(30_000) + "\nWho?\r\n/" + endless.substring(60_000),
            "-n",
            "4",
            "--context",
            "200",
            "--json");
    assertThat(answers(result.succeeded())).hasSize(1);
    assertThat(result.err().split("expected lines of at most 51200 characters, found a longer", -1))
        .hasSize(3);
    assertThat(result.err()).contains("there is no /aaaa").hasSizeLessThan(2000);
  }

  @Test
  void needsATemplate() {
    Command.Result result = Phial.call(List.of("chat", Phial.model("phi2")));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("expected a chat template, found none", "phial run");
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void stopsAnAnswerOnInterrupt() throws Exception {
    assumeThat(ignoresInterrupts()).as("a shell that runs tests in the background").isFalse();
    Path err = folder.resolve("err");
    Process chat =
        new ProcessBuilder(words("--ignore-eos", "--temperature", "1"))
            .redirectError(err.toFile())
            .start();
    try (Writer in = chat.outputWriter(StandardCharsets.UTF_8);
        BufferedReader out = chat.inputReader(StandardCharsets.UTF_8)) {
      in.write("Who is there?\n");
      in.flush();
      assertThat(out.read()).isNotNegative(); // it has begun to answer, and has 1000 tokens to go
      Command.run(folder, List.of("kill", "-INT", Long.toString(chat.pid()))).succeeded();
      while (!Files.readString(err).contains("interrupted")) {
        assertThat(chat.isAlive()).isTrue();
        Thread.sleep(10);
      }
      in.write("/reset\n/exit\n");
      in.flush();
      assertThat(chat.waitFor(1, TimeUnit.MINUTES)).isTrue();
      assertThat(chat.exitValue()).as(Files.readString(err)).isZero();
      assertThat(Files.readString(err)).contains("what was said is forgotten");
    } finally {
      chat.destroyForcibly();
    }
  }

  /** A process started with it ignored cannot hear it. */
  private static boolean ignoresInterrupts() throws IOException {
    Path status = Path.of("/proc/self/status");
    return Files.exists(status)
        && Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0);
  }

  private static List<JsonNode> answers(Command.Result result) {
    return result.out().lines().map(line -> new JsonMapper().readTree(line)).toList();
  }

  /** Says something, line by line, to the demo model. */
  private Command.Result talk(String lines, String... options) {
    try {
      Path in = Files.writeString(folder.resolve("in"), lines);
      return Command.run(folder, words(options), in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> words(String... options) {
    List<String> words = new ArrayList<>(List.of("chat", "demo"));
    words.addAll(List.of(options));
    return Phial.words(words);
  }
}
