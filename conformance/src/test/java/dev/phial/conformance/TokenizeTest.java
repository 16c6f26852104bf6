package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code phial tokenize} as a user meets it; that the ids are right is tested in the engine. */
final class TokenizeTest {
  @TempDir Path folder;

  @Test
  void printsIdsAndPieces() {
    JsonNode json = tokenize("demo", "Hello<|user|>\n a", "--special");
    assertThat(json.propertyNames()).contains("ids", "pieces");
    assertThat(json.path("ids").toString()).isEqualTo("[329,435,1939,2010,261]");
    assertThat(json.path("pieces").toString())
        .isEqualTo("[\"▁H\",\"ell\",\"o\",\"<|user|>\",\"▁a\"]");
    assertThat(tokenize("demo", "<|user|>").path("ids").toString()).doesNotContain("2010");
  }

  @Test
  void readsFiles() throws IOException {
    Files.writeString(folder.resolve("a.txt"), "Hello");
    JsonNode json = tokenize(Phial.model("phi4"), "--file", "a.txt");
    assertThat(json.path("ids")).isEqualTo(tokenize(Phial.model("phi4"), "Hello").path("ids"));
  }

  @Test
  void needsNoWeights() throws IOException {
    Path copy = Files.createDirectory(folder.resolve("model"));
    Files.copy(
        Path.of(Phial.model("phi4")).resolve("tokenizer.json"), copy.resolve("tokenizer.json"));
    assertThat(tokenize(copy.toString(), "Hello").path("ids"))
        .isEqualTo(tokenize(Phial.model("phi4"), "Hello").path("ids"));
  }

  @Test
  void refusesWhatItCannotRead() throws IOException {
    Files.write(folder.resolve("latin1.txt"), new byte[] {'n', 'a', (byte) 0xEF, 'v', 'e'});
    assertFails(1, "latin1.txt: expected UTF-8", "demo", "--file", "latin1.txt");
    assertFails(1, "none.txt cannot be read: there is no such file", "demo", "--file", "none.txt");
    assertFails(1, "expected tokenizer.json, tokenizer.model", folder.toString(), "a");
    assertFails(1, "there is no such file or folder", "nowhere", "a");
    assertFails(2, "expected TEXT or --file, found both", "demo", "a", "--file", "latin1.txt");
    Path large = Files.writeString(folder.resolve("large.txt"), "word ".repeat(1_000_000));
    assertFails(1, "expected a text of at most 4194304 characters", "demo", "--file", "large.txt");
    Command.Result piped = Command.run(folder, Phial.words(List.of("tokenize", "demo")), large);
    assertThat(piped.err())
        .contains("phial: standard input: expected at most 4194304 bytes of text, found more");
  }

  /** As in a container whose disk is read-only, or for a user without a home. */
  @Test
  void needsNoCache() throws IOException {
    Path temporary = Files.createDirectory(folder.resolve("temporary"));
    Command.Result result = withoutCache(temporary, "tokenize", "demo", "Hello").succeeded();
    assertThat(result.out()).contains("329", "435");
    assertThat(temporary).isEmptyDirectory();
  }

  @Test
  void saysWhatItNeedsWhereNothingCanBeWritten() {
    Path none = folder.resolve("none");
    for (String command : List.of("tokenize", "run")) {
      Command.Result result = withoutCache(none, command, Phial.model("phi4"), "--file=a.txt");
      assertThat(result.status()).isEqualTo(1);
      assertThat(result.err().lines())
          .filteredOn(line -> !line.startsWith("WARNING: ") && !line.startsWith("Picked up "))
          .singleElement()
          .asString()
          .startsWith("phial: ")
          .contains("expected a folder that can be written, found none", "set XDG_CACHE_HOME");
    }
  }

  /**
   * Runs it where the cache would lie within a file, so that nobody can write it, not even root.
   */
  private Command.Result withoutCache(Path temporary, String... arguments) {
    try {
      Path file = Files.writeString(folder.resolve("a.txt"), "Hello");
      return Command.run(
          folder,
          Phial.words(List.of(arguments)),
          Map.of(
              "XDG_CACHE_HOME",
              file.resolve("cache").toString(),
              "JAVA_TOOL_OPTIONS",
              "-Djava.io.tmpdir=" + temporary));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private JsonNode tokenize(String... arguments) {
    Command.Result result = run(arguments, "--json");
    return new JsonMapper().readTree(result.succeeded().out());
  }

  private void assertFails(int status, String message, String... arguments) {
    Command.Result result = run(arguments);
    assertThat(result.err()).contains("phial: ", message);
    assertThat(result.status()).isEqualTo(status);
    assertThat(result.out()).isEmpty();
  }

  private Command.Result run(String[] arguments, String... more) {
    List<String> words = new ArrayList<>(List.of("tokenize"));
    words.addAll(List.of(arguments));
    words.addAll(List.of(more));
    return Phial.run(folder, words);
  }
}
