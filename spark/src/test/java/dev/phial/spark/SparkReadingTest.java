package dev.phial.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.cli.Main;
import dev.phial.engine.work.Workers;
import dev.phial.io.Json;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What executors find while they read a text is what one machine finds, to the last bit. */
final class SparkReadingTest {
  /** Depend on the machine and on what else it does. */
  private static final List<String> CIRCUMSTANCES =
      List.of(
          "seconds", "peak_memory_bytes", "prefill_tokens_per_second", "decode_tokens_per_second");

  @TempDir private Path folder;

  @Test
  void figuresAreEqual() {
    String[] words = {
      "eval",
      LocalCluster.MODEL.toString(),
      "--types",
      "Q4_0",
      "--context",
      "64",
      "--chunks",
      "10",
      "--json"
    };
    assertThat(figures(onSpark(words))).isEqualTo(figures(output(Optional.empty(), words)));
  }

  private static JsonNode figures(String printed) {
    JsonNode json = Json.MAPPER.readTree(printed);
    strip(json);
    return json;
  }

  private static void strip(JsonNode json) {
    if (json instanceof ObjectNode object) {
      object.remove(CIRCUMSTANCES);
    }
    json.forEach(SparkReadingTest::strip);
  }

  @Test
  void importanceMatricesAreEqual() {
    String model = LocalCluster.MODEL.toString();
    Path here = folder.resolve("here.gguf");
    Path there = folder.resolve("there.gguf");
    String[] words = {
      "calibrate", model, "--context", "64", "--chunks", "10", "--process-output", "-o"
    };
    output(Optional.empty(), with(words, here));
    onSpark(with(words, there));
    assertThat(there).hasSameBinaryContentAs(here);
  }

  private static String[] with(String[] words, Path output) {
    String[] all = Arrays.copyOf(words, words.length + 1);
    all[words.length] = output.toString();
    return all;
  }

  private String onSpark(String... words) {
    try (SparkWorkers workers = LocalCluster.workers(folder)) {
      return output(Optional.of(workers), words);
    }
  }

  private static String output(Optional<Workers> workers, String... words) {
    PrintStream out = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      assertThat(Main.run(workers, words)).isZero();
    } finally {
      System.setOut(out);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }
}
