package dev.phial.targets.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What cards mean is in {@link MetadataGoldenTest}; this is about those that mean no good. */
final class ModelCardTest {
  @TempDir Path folder;

  private ModelCard read(String yaml) {
    try {
      Path readme = folder.resolve("README.md");
      return ModelCard.read(Optional.of(Files.writeString(readme, "---\n" + yaml + "\n---\n")));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void keysThatAreNoTextDoNotCount() {
    ModelCard card = read("1: one\ntrue: x\nnull: x\n[a, b]: x\n? {c: d}\n: x\nlicense: mit");
    assertThat(card.fields()).containsOnly(Map.entry("license", "mit"));
  }

  @Test
  void theLastOfTwoCounts() {
    assertThat(read("license: mit\nlicense: other").text("license")).contains("other");
  }

  @Test
  void anchorsMayRepeat() {
    assertThat(read("a: &x [1, 2]\nb: *x\nc: *x").list("c")).hasSize(2);
  }

  /** YAML that is none, or that only some other program would understand. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a: [",
        "a: 'open",
        "a: b: c",
        "- a\nb: c",
        "a: *nobody",
        "%YAML 9.9",
        "a: b\n--- \nc: d",
        "a: \u0007",
        "a: !!int x",
        "a: !!float x",
        "a: !!binary ' * '",
        "a: !!timestamp x",
        "a: !!bool x",
        "a: !!set [1]",
        "a: !!omap [1]",
        "a: !!pairs [1]",
        "a: !!null x",
        "!!int a",
        "<<: 1",
        "<<: [1, 2]",
        "a: &a [*a]\n? *a\n: b",
        "&a ? *a : b",
        "a: 9e999999999",
        "a: 0x",
        "a: 1:99:99",
        "a: 99999999999999999999999999999999",
        "a: 2001-99-99",
        "a: 2001-12-14t21:59:43.10-99:00",
        "a: !!java.net.URL [http://example.org]",
        "a: !!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL [http://example.org]]]]",
        "a: !!python/object/apply:os.system [true]",
        "a: !own x",
      })
  void oddYamlNeverFails(String yaml) {
    assertThat(read(yaml).fields()).isNotNull();
  }

  static List<String> bombs() {
    return List.of(
        laughs(40, 4),
        laughs(25, 2), // within the limit on aliases, but 2^25 if it were written out
        "tags: &a [&b [*a], *b]",
        "tags: &a {x: &b {y: *a}, z: *b}",
        "base_model: &a {name: *a}",
        "a: " + "[".repeat(100_000) + "]".repeat(100_000),
        "a: " + "{a: ".repeat(50_000),
        "- ".repeat(100_000) + "a",
        "? ".repeat(100_000) + "a",
        "a: " + "!".repeat(100_000),
        "a: '" + "x".repeat(300_000) + "'",
        "a: " + "9".repeat(300_000),
        "a: " + "1:".repeat(100_000) + "1",
        "x: &x {a: b}\n" + "y: {<<: [" + "*x, ".repeat(100_000) + "]}",
        "[" + "a: b, ".repeat(50_000) + "]",
        "a: '" + "x".repeat(3_000_000) + "'");
  }

  private static String laughs(int levels, int times) {
    StringBuilder yaml = new StringBuilder("a0: &a0 [lol]\n");
    for (int i = 1; i < levels; i++) {
      String aliases = ("*a" + (i - 1) + ", ").repeat(times);
      yaml.append("a%d: &a%d [%s]\n".formatted(i, i, aliases));
    }
    return yaml.append("tags: *a").append(levels - 1).toString();
  }

  /** Each is read or left out, soon, and nothing grows out of it. */
  @ParameterizedTest
  @MethodSource("bombs")
  void bombsDoNotGoOff(String yaml) {
    assertTimeout(
        Duration.ofSeconds(10), // a hundred times what it takes
        () -> {
          ModelCard card = read(yaml);
          for (String key : card.fields().keySet()) {
            assertThat(String.join("", card.texts(key))).hasSizeLessThan(1 << 20);
            assertThat(card.text(key).orElse("")).hasSizeLessThan(1 << 20);
          }
        });
  }

  @Test
  void refusesWhatIsNoText() throws IOException {
    Path readme =
        Files.write(folder.resolve("README.md"), new byte[] {'-', '-', '-', '\n', (byte) 0xFF});
    assertThatThrownBy(() -> ModelCard.read(Optional.of(readme)))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("README.md");
  }
}
