package dev.phial.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.cli.Main;
import dev.phial.engine.work.Workers;
import dev.phial.io.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The command line in this process, with a cluster or without, and what it leaves. */
final class Phial {
  /** Depend on the machine and on what else it does. */
  private static final List<String> CIRCUMSTANCES =
      List.of(
          "seconds", "peak_memory_bytes", "prefill_tokens_per_second", "decode_tokens_per_second");

  private Phial() {}

  /** What a command prints that succeeds. */
  static String output(Optional<Workers> workers, String... words) {
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

  /** What a command says that fails. */
  static String error(Optional<Workers> workers, String... words) {
    return said(1, workers, words);
  }

  /** What a command says that makes no sense. */
  static String misuse(Optional<Workers> workers, String... words) {
    return said(2, workers, words);
  }

  private static String said(int status, Optional<Workers> workers, String... words) {
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertThat(Main.run(workers, words)).isEqualTo(status);
    } finally {
      System.setErr(err);
    }
    return said.toString(StandardCharsets.UTF_8);
  }

  /** The result of a command that does not depend on the machine. */
  static JsonNode figures(Optional<Workers> workers, String... words) {
    JsonNode json = Json.MAPPER.readTree(output(workers, words));
    strip(json);
    return json;
  }

  private static void strip(JsonNode json) {
    if (json instanceof ObjectNode object) {
      object.remove(CIRCUMSTANCES);
    }
    json.forEach(Phial::strip);
  }

  /** Two folders hold the same files. */
  static void assertSame(Path expected, Path found) throws IOException {
    try (Stream<Path> files = Files.walk(expected)) {
      List<Path> all = files.filter(Files::isRegularFile).map(expected::relativize).toList();
      assertThat(all).isNotEmpty();
      for (Path file : all) {
        assertThat(found.resolve(file)).hasSameBinaryContentAs(expected.resolve(file));
      }
    }
  }
}
