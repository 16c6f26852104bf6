package dev.phial.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.Fixtures;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Ids and texts equal those of transformers, from every layout. {@code
 * tools/make-tokenizer-golden.py} makes the golden file.
 */
final class TokenizerGoldenTest {
  private static final JsonNode GOLDEN =
      Fixtures.golden(TokenizerGoldenTest.class, "tokenizer-golden.json");

  @TempDir Path folder;

  static Stream<String> models() {
    return GOLDEN.propertyNames().stream().flatMap(names -> Stream.of(names.split(" ", -1)));
  }

  @ParameterizedTest
  @MethodSource("models")
  void folderGivesWhatTransformersGives(String model) {
    check(model, Tokenizer.open(Fixtures.model(model)));
  }

  @ParameterizedTest
  @MethodSource("models")
  void ggufGivesWhatTransformersGives(String model) {
    check(model, Tokenizer.open(Fixtures.gguf(model, folder)));
  }

  private static void check(String model, Tokenizer tokenizer) {
    SoftAssertions all = new SoftAssertions();
    for (JsonNode golden : cases(model)) {
      String text = golden.get(0).asString();
      Encoding encoding = tokenizer.encode(text, true);
      all.assertThat(ids(encoding)).as("with special: " + text).isEqualTo(ids(golden.get(1)));
      all.assertThat(ids(tokenizer.encode(text, false))).as(text).isEqualTo(ids(golden.get(2)));
      all.assertThat(tokenizer.decode(encoding.ids())).isEqualTo(golden.get(3).asString());
      all.assertThat(stream(tokenizer, encoding)).isEqualTo(golden.get(3).asString());
      all.assertThat(encoding.pieces()).hasSameSizeAs(ids(encoding));
    }
    all.assertAll();
  }

  private static String stream(Tokenizer tokenizer, Encoding encoding) {
    TextStream stream = tokenizer.stream();
    StringBuilder text = new StringBuilder();
    for (int id : encoding.ids()) {
      text.append(stream.add(id));
    }
    return text.append(stream.end()).toString();
  }

  private static JsonNode cases(String model) {
    for (Map.Entry<String, JsonNode> entry : GOLDEN.properties()) {
      if (List.of(entry.getKey().split(" ", -1)).contains(model)) {
        return entry.getValue();
      }
    }
    throw new AssertionError(model);
  }

  private static List<Integer> ids(JsonNode list) {
    List<Integer> ids = new ArrayList<>();
    list.forEach(id -> ids.add(id.intValue()));
    return ids;
  }

  private static List<Integer> ids(Encoding encoding) {
    List<Integer> ids = new ArrayList<>();
    for (int id : encoding.ids()) {
      ids.add(id);
    }
    assertThat(ids).allMatch(id -> id >= 0);
    return ids;
  }
}
