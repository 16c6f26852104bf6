package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A result that does not reach its place is a failure; a reader that has enough is none. */
@EnabledOnOs(OS.LINUX) // which has a device that is always full
final class StandardOutputTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--help",
        "quantize --help",
        "inspect demo",
        "inspect demo --json",
        "plan demo --to gguf:Q4_0",
        "plan demo --json",
        "tokenize demo hello",
        "tokenize demo hello --json",
        "run demo -p hello -n 2",
        "run demo -p hello -n 2 --json",
        "quantize demo --to gguf:Q4_0",
        "quantize demo --to gguf:Q4_0 --json",
        "compare demo demo",
        "compare demo demo --json",
        "doctor demo",
        "eval demo --context 16 --chunks 1 --json",
        "calibrate demo --context 16 --chunks 1",
      })
  void aFullDiskIsOneClearError(String command) {
    Command.Result result = run(command, ">/dev/full");
    assertThat(result.status()).as(result.err()).isEqualTo(1);
    assertThat(result.err().lines().filter(line -> line.startsWith("phial: ")))
        .containsExactly(
            "phial: standard output could not be written: No space left on device; the result is not complete");
    assertThat(result.err()).doesNotContain("\tat ");
  }

  @Test
  void aClosedOutputIsOneClearError() {
    Command.Result result = run("inspect demo", ">&-");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("phial: standard output could not be written: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"inspect demo", "plan demo --json", "tokenize demo hello", "run demo -p a -n 9"})
  void aReaderThatHasEnoughIsNoError(String command) {
    for (String reader : List.of("head -n 1", "true")) {
      Command.Result result = run(command, "2>err; echo status $? >>err; } | { " + reader);
      assertThat(result.out()).hasLineCount(reader.equals("true") ? 0 : 1);
      assertThat(folder.resolve("err"))
          .content()
          .endsWith("status 0\n")
          .doesNotContain("phial:")
          .doesNotContain("\tat ");
    }
  }

  @Test
  void anotherErrorIsToldOnce() {
    Command.Result result = run("inspect nowhere", ">/dev/full");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("phial: nowhere: there is no such file or folder");
    assertThat(result.err()).doesNotContain("standard output");
  }

  private Command.Result run(String command, String redirection) {
    List<String> words =
        new ArrayList<>(List.of("sh", "-c", "{ \"$@\" " + redirection + "; }", "sh"));
    words.addAll(Phial.words(List.of(command.split(" "))));
    return Command.run(folder, words);
  }
}
