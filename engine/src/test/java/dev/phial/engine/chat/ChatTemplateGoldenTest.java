package dev.phial.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Texts equal those that transformers makes with Jinja2. {@code tools/make-chat-golden.py} makes
 * the golden file.
 */
final class ChatTemplateGoldenTest {
  private static final JsonNode GOLDEN =
      Fixtures.golden(ChatTemplateGoldenTest.class, "chat-golden.json");

  @TempDir Path folder;

  static Stream<String> templates() {
    return GOLDEN.path("templates").propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("templates")
  void rendersWhatJinja2Renders(String name) {
    ChatTemplate template =
        ChatTemplate.parse(Path.of(name), GOLDEN.path("templates").path(name).asString());
    SoftAssertions all = new SoftAssertions();
    for (JsonNode golden : GOLDEN.path("cases")) {
      if (!golden.get(0).asString().equals(name)) {
        continue;
      }
      Map<String, Object> variables = new HashMap<>();
      GOLDEN
          .path("tokens")
          .properties()
          .forEach(t -> variables.put(t.getKey(), plain(t.getValue())));
      if (golden.get(2).booleanValue()) {
        variables.put("tools", plain(GOLDEN.path("tools")));
      }
      boolean prompt = golden.get(3).booleanValue();
      JsonNode expected = golden.get(4);
      if (expected.isObject()) {
        assertThatThrownBy(() -> template.render(chat(golden.get(1)), variables, prompt))
            .isInstanceOf(PhialException.BadInput.class)
            .hasMessageContaining(expected.path("error").asString());
      } else {
        all.assertThat(template.render(chat(golden.get(1)), variables, prompt))
            .as("chat %s, prompt %s".formatted(golden.get(1), prompt))
            .isEqualTo(expected.asString());
      }
    }
    all.assertAll();
  }

  /** Values one by one: what Python's methods and Jinja2's filters make of strings and lists. */
  @Test
  void valuesAreThoseOfJinja2() {
    SoftAssertions all = new SoftAssertions();
    for (JsonNode golden : GOLDEN.path("values")) {
      String value = golden.get(0).asString();
      ChatTemplate template = ChatTemplate.parse(Path.of("value"), "{{ " + value + " }}");
      all.assertThat(template.render(chat(GOLDEN.path("cases").get(0).get(1)), Map.of(), false))
          .as(value)
          .isEqualTo(golden.get(1).asString());
    }
    all.assertAll();
  }

  static Stream<String> models() {
    return GOLDEN.path("models").propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void folderGivesWhatTransformersGives(String model) {
    check(model, Fixtures.model(model));
  }

  @ParameterizedTest
  @MethodSource("models")
  void ggufGivesWhatTransformersGives(String model) {
    check(model, Fixtures.gguf(model, folder));
  }

  @Test
  void phi2HasNoTemplate() {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model("phi2"))) {
      assertThat(ChatTemplate.of(checkpoint)).isEmpty();
    }
  }

  private static void check(String model, Path path) {
    try (Checkpoint checkpoint = Sources.open(path)) {
      ChatTemplate template = ChatTemplate.of(checkpoint).orElseThrow();
      Map<String, String> names = Tokenizer.of(checkpoint).special().names();
      for (JsonNode golden : GOLDEN.path("models").path(model)) {
        assertThat(template.render(chat(golden.get(0)), names, golden.get(1).booleanValue()))
            .isEqualTo(golden.get(2).asString());
      }
    }
  }

  private static List<Map<String, Object>> chat(JsonNode number) {
    return GOLDEN.path("chats").get(number.intValue()).valueStream().map(m -> dict(m)).toList();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> dict(JsonNode message) {
    return (Map<String, Object>) plain(message);
  }

  /** With whole numbers as templates have them. */
  private static Object plain(JsonNode json) {
    return new JsonMapper()
        .rebuild()
        .enable(tools.jackson.databind.DeserializationFeature.USE_LONG_FOR_INTS)
        .build()
        .convertValue(json, Object.class);
  }
}
