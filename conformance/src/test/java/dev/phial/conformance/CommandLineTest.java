package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.Version;
import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** What somebody meets who types a command for the first time. */
final class CommandLineTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          nonsense --help | phial: there is no command nonsense
          quantise demo | Did you mean quantize?
          help nonsense | phial: there is no command nonsense
          inspect | phial: PATH is missing
          quantize --to gguf:Q4_0 | phial: MODEL is missing
          quantize demo --too gguf:Q4_0 | Did you mean --to?
          quantize demo --treads 2 | Did you mean --threads?
          quantize demo --weight-format int4 | the precision follows the target: --to openvino:int4
          quantize demo -p int4 -e cpu | the precision follows the target: --to onnx:int4
          quantize demo --extra_options int4_block_size=32 | int4_block_size=32 is --block-size 32
          quantize demo --hf-path x | the model comes first
          quantize demo Q4_K_M | Did you mean --to gguf:Q4_K_M?
          quantize demo --to Q4_K_M | did you mean gguf:Q4_K_M?
          quantize demo --to int4 | did you mean onnx:int4 or openvino:int4 or litert:int4?
          quantize demo --to ggup:Q4_0 | did you mean gguf?
          quantize demo --to gguf:Q4KM | did you mean gguf:Q4_K_M?
          plan demo --device pi5_8gb | did you mean pi5-8gb?
          spark --master local[2] | SUBCOMMAND is missing, such as quantize
          """)
  void aSlipIsToldWithWhatWasMeant(String line, String said) {
    Command.Result result = Phial.call(List.of(line.split(" ")));
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains(said).doesNotContain("\tat ");
    assertThat(result.out()).isEmpty();
  }

  /** All of them are many, and a word may mean something else to another target. */
  @Test
  void helpTellsOfTheOptionsOfTheTargetsThatAreAskedFor() {
    assertThat(Phial.call(List.of("quantize", "--help")).succeeded().out())
        .contains("phial quantize --to gguf --help")
        .doesNotContain("--outtype", "--group-size");
    assertThat(Phial.call(List.of("quantize", "--to", "gptq:4", "--help")).succeeded().out())
        .contains("Options of --to gptq", "128 by default")
        .doesNotContain("--outtype", "64 by default");
  }

  /** The table of docs/options.md, where it does not say that an option is the same. */
  @Test
  void theOptionsOfOtherToolsAreTranslatedAsTheDocumentSays() throws IOException {
    List<String> rows =
        Files.readString(Phial.ROOT.resolve("docs/options.md"))
            .lines()
            .filter(line -> line.startsWith("| `-") && !line.contains("the same"))
            .map(line -> line.split("\\|", -1)[1])
            .toList();
    assertThat(rows).hasSizeGreaterThan(15);
    for (String row : rows) {
      for (String option : row.split(",", -1)) {
        String name = option.replace("`", "").strip().split(" ", 2)[0];
        Command.Result result = Phial.call(List.of("quantize", "demo", name, "x"));
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err().lines().toList()).as(name).hasSize(3);
        assertThat(result.err()).doesNotContain("Did you mean");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "inspect nowhere --json",
        "plan nowhere --json",
        "doctor nowhere --json",
        "compare nowhere demo --json",
        "eval nowhere --json",
        "run nowhere -p a --json",
        "tokenize nowhere a --json",
        "quantize nowhere --to gguf:Q4_0 --json",
        "calibrate nowhere --json",
        "devices --devices nowhere --json",
      })
  void whereJsonWasAskedForAnErrorIsJson(String line) {
    Command.Result result = Phial.call(List.of(line.split(" ")));
    assertThat(result.status()).isEqualTo(1);
    JsonNode error = Json.MAPPER.readTree(result.out());
    assertThat(error.path("error").stringValue()).contains("nowhere");
    assertThat(error.path("status").intValue()).isEqualTo(1);
    assertThat(result.err()).contains("phial: " + error.path("error").stringValue());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "inspect demo --json",
        "plan demo --to gguf:Q4_0 --json",
        "plan demo --device pi5-8gb --json",
        "quantize demo --to gguf:Q4_0 --dry-run --json",
        "doctor demo --json",
        "compare demo demo --json",
        "tokenize demo a --json",
        "devices --json",
        "inspect nowhere --json",
      })
  void everyResultSaysOfWhichVersionItIs(String line) {
    JsonNode result = Json.MAPPER.readTree(Phial.call(List.of(line.split(" "))).out());
    assertThat(result.path("phial").stringValue()).isEqualTo(Version.current());
  }

  @Test
  void aPrecisionThatNeedsAnotherProviderSaysWhich() {
    assertThat(Phial.call(List.of("quantize", "demo", "--to", "onnx:fp16", "--dry-run")).err())
        .contains("found fp16; add --ep cuda or dml");
  }

  @Test
  void aMisusedCommandLineIsJsonToo() {
    Command.Result result = Phial.call(List.of("plan", "demo", "--json", "--context", "none"));
    assertThat(result.status()).isEqualTo(2);
    assertThat(Json.MAPPER.readTree(result.out()).path("status").intValue()).isEqualTo(2);
  }

  @Test
  void helpAndVersionAreCommandsToo() {
    assertThat(Phial.call(List.of("help"))).isEqualTo(Phial.call(List.of("--help")));
    assertThat(Phial.call(List.of("help", "inspect")))
        .isEqualTo(Phial.call(List.of("inspect", "--help")));
    assertThat(Phial.call(List.of("version"))).isEqualTo(Phial.call(List.of("--version")));
    assertThat(Phial.call(List.of("version")).out()).startsWith("phial ");
  }

  @Test
  void theDemoSaysThatItAnswersNothing() {
    Command.Result result =
        Phial.call(List.of("run", "demo", "--chat", "-p", "Who are you?", "-n", "4"));
    assertThat(result.err()).contains("note: the demo goes on with texts", "phial run demo -p");
  }

  @Test
  void whatIsWrittenComesWithACommandThatRunsIt() {
    Path file = folder.resolve("a model.gguf");
    Command.Result result =
        Phial.call(List.of("quantize", "demo", "--to", "gguf:Q4_0", "-o", file.toString()))
            .succeeded();
    assertThat(result.err()).contains("to run it: llama-cli -m '" + file + "'");
  }

  @Test
  void aTypeThatNeedsAnImportanceMatrixSaysWhatMakesOne() {
    assertThat(Phial.call(List.of("quantize", "demo", "--to", "gguf:IQ2_XS")).err())
        .contains("phial calibrate makes one, and --imatrix FILE takes it");
  }
}
