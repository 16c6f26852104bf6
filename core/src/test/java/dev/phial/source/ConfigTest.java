package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ConfigTest {
  @TempDir Path folder;

  @Test
  void readsFields() {
    Config config =
        read(
            """
            {"n": 3, "x": 1e-5, "inf": Infinity, "text": "φ", "yes": true, "none": null,
             "list": [1, 2.5], "inner": {"n": 4}, "n": 5}\
            """);
    assertThat(config.count("n")).isEqualTo(5); // the last one, as in Python
    assertThat(config.count("missing", 7)).isEqualTo(7);
    assertThat(config.optionalCount("none")).isEmpty();
    assertThat(config.number("x", 0)).isEqualTo(1e-5);
    assertThat(config.number("none", 2)).isEqualTo(2);
    assertThat(config.text("text")).hasValue("φ");
    assertThat(config.text("missing")).isEmpty();
    assertThat(config.flag("yes", false)).isTrue();
    assertThat(config.flag("missing", true)).isTrue();
    assertThat(config.numbers("list")).containsExactly(1.0, 2.5);
    assertThat(config.numbers("missing")).isEmpty();
    assertThat(config.object("inner").orElseThrow().count("n")).isEqualTo(4);
    assertThat(config.object("none")).isEmpty();
    assertThat(config.has("none")).isFalse();
  }

  static Stream<Arguments> fields() {
    Consumer<Config> count = config -> config.count("k");
    Consumer<Config> number = config -> config.number("k", 0);
    Consumer<Config> text = config -> config.text("k");
    Consumer<Config> flag = config -> config.flag("k", false);
    Consumer<Config> numbers = config -> config.numbers("k");
    Consumer<Config> object = config -> config.object("k");
    return Stream.of(
        Arguments.of("found none", "{}", count),
        Arguments.of("found none", "{\"k\": null}", count),
        Arguments.of("found 0", "{\"k\": 0}", count),
        Arguments.of("found -1", "{\"k\": -1}", count),
        Arguments.of("found 1.5", "{\"k\": 1.5}", count),
        Arguments.of("found 2147483648", "{\"k\": 2147483648}", count),
        Arguments.of("found 99999999999999999999", "{\"k\": 99999999999999999999}", count),
        Arguments.of("found \"1\"", "{\"k\": \"1\"}", count),
        Arguments.of("found true", "{\"k\": true}", number),
        Arguments.of("NaN", "{\"k\": NaN}", number),
        Arguments.of("Infinity", "{\"k\": -Infinity}", number),
        Arguments.of("a number in field k", "{\"k\": 1e999}", number),
        Arguments.of("found 1", "{\"k\": 1}", text),
        Arguments.of("found 1", "{\"k\": 1}", flag),
        Arguments.of("found {}", "{\"k\": {}}", numbers),
        Arguments.of("found 1", "{\"k\": 1}", numbers),
        Arguments.of("found [1,\"2\"]", "{\"k\": [1, \"2\"]}", numbers),
        Arguments.of("NaN", "{\"k\": [NaN]}", numbers),
        Arguments.of("found []", "{\"k\": []}", object),
        Arguments.of("xxx…", "{\"k\": \"" + "x".repeat(100) + "\"}", object));
  }

  @ParameterizedTest
  @MethodSource("fields")
  void refusesFields(String found, String json, Consumer<Config> use) {
    Config config = read(json);
    Refused.asBad(config.file(), found, () -> use.accept(config));
  }

  static Stream<Arguments> files() {
    return Stream.of(
        Arguments.of("MISSING", ""),
        Arguments.of("ARRAY", "[]"),
        Arguments.of("NUMBER", "1"),
        Arguments.of("error", "{"),
        Arguments.of("error", "{\"a\":1}{}"),
        Arguments.of("error", "{\"a\":1 \"b\":2}"),
        Arguments.of("error", "{'a':1}"),
        Arguments.of("a\\u{1b}", "{\"a\": a\33}"), // the parser quotes it
        Arguments.of("nesting", "{\"a\":" + "[".repeat(100_000)),
        Arguments.of("nesting", "[".repeat(100_000)),
        Arguments.of("length", "{\"a\":" + "1".repeat(2000) + "}"),
        Arguments.of("Name length", "{\"" + "a".repeat(100_000) + "\":1}"),
        Arguments.of("Token count", "[" + "1,".repeat(3_000_000) + "1]"),
        Arguments.of("Document length", " ".repeat(40_000_000)));
  }

  @ParameterizedTest
  @MethodSource("files")
  void refusesFiles(String found, String json) {
    Path file = Refused.write(folder.resolve("config.json"), json);
    Refused.asBad(file, found, () -> Config.read(file));
  }

  @Test
  void refusesBadUtf8() {
    Path file = Refused.write(folder.resolve("config.json"), "{\"a\":\"", (byte) 0xFF, "\"}");
    Refused.asBad(file, "UTF-8", () -> Config.read(file));
  }

  @Test
  void refusesTextWithoutAnEnd() {
    Path file = Refused.write(folder.resolve("config.json"), "{\"a\":\"", "x".repeat(20_000_000));
    Refused.asBad(file, "length", () -> Config.read(file));
  }

  @Test
  void refusesWhatIsNoFile() {
    Refused.asBad(
        folder.resolve("no.json"), "no such file", () -> Config.read(folder.resolve("no.json")));
    Refused.asBad(folder, "folder or device", () -> Config.read(folder));
  }

  private Config read(String json) {
    return Config.read(Refused.write(folder.resolve("config.json"), json));
  }
}
