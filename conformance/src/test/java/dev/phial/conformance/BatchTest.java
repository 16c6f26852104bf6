package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Many conversions: told before anything starts if they cannot be, and done once each. */
final class BatchTest {
  @TempDir private Path folder;

  @Test
  void whatFailedIsNamedAndDoneAgain() throws IOException {
    Path missing = folder.resolve("missing");
    Path jobs =
        jobs(
            job("demo", "gguf:Q4_0", "one"),
            job(missing.toString(), "gguf:Q4_0", "two"),
            job("demo", "mlx:4", "three"));
    Path results = folder.resolve("results.jsonl");
    Command.Result result = batch(jobs, results);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("line 2: " + missing, "2 of 3 jobs are done");
    List<JsonNode> lines = read(results);
    assertThat(lines).hasSize(3);
    assertThat(lines.get(0).path("tries").intValue()).isEqualTo(1);
    assertThat(lines.get(1).path("tries").intValue()).isEqualTo(2);
    assertThat(lines.get(1).path("error").stringValue()).contains("there is no such file");
    assertThat(Path.of(lines.get(2).path("files").get(0).stringValue())).exists();

    Files.createSymbolicLink(missing, Path.of(Phial.model("tiny-phi3")));
    assertThat(batch(jobs, results).succeeded().err()).contains("3 of 3 jobs are done");
    List<JsonNode> then = read(results);
    assertThat(then.get(0)).isEqualTo(lines.get(0)); // not again: it is there
    assertThat(then.get(1).has("error")).isFalse();
    assertThat(folder.resolve("two")).isNotEmptyDirectory();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"model": "demo"} | line 2: expected a text for to, found none
          {"model": "demo", "to": [], "output": "x"} | line 2: expected targets in to
          {"model": "demo", "to": "mlx:4", "outptu": "x"} | found outptu
          {"model": "demo", "to": "mlx:4", "output": "x", "method": "y"} | line 2: expected reference
          ["demo"] | line 2: expected a JSON object
          {"model": "demo" | line 2: expected a JSON object
          {"model": "demo", "to": "mlx:4", "output": "./one"} | that of line 1
          """)
  void aBadLineIsToldBeforeAnythingStarts(String line, String said) throws IOException {
    Path results = folder.resolve("results.jsonl");
    Command.Result result = batch(jobs(job("demo", "gguf:Q4_0", "one"), line), results);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains(said, "nothing was begun");
    assertThat(folder.toFile().list()).containsExactly("jobs.jsonl");
  }

  @Test
  void whatIsNoResultIsNotReplaced() throws IOException {
    Path jobs = jobs(job("demo", "gguf:Q4_0", "one"));
    Path other = Files.writeString(folder.resolve("other.jsonl"), "{\"text\": \"precious\"}\n");
    assertThat(batch(jobs, other).err()).contains("expected results of an earlier batch");
    assertThat(other).hasContent("{\"text\": \"precious\"}\n");
    assertThat(folder.resolve("one")).doesNotExist();
  }

  private static Command.Result batch(Path jobs, Path results) {
    return Phial.call(List.of("batch", jobs.toString(), "-o", results.toString()));
  }

  private String job(String model, String to, String output) {
    return Json.MAPPER
        .createObjectNode()
        .put("model", model)
        .put("to", to)
        .put("output", folder.resolve(output).toString())
        .toString();
  }

  private Path jobs(String... lines) throws IOException {
    String own = folder.toString().replace("\\", "\\\\");
    return Files.writeString(
        folder.resolve("jobs.jsonl"), String.join("\n", lines).replace("./", own + "/"));
  }

  private static List<JsonNode> read(Path file) throws IOException {
    return Files.readAllLines(file).stream().map(Json.MAPPER::readTree).toList();
  }
}
