package dev.phial.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class JsonTextTest {
  private static final String PERSON =
      """
      {"type": "object", "additionalProperties": false, "required": ["name", "age", "kind"], "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "nick": {"type": ["string", "null"]},
        "age": {"type": "integer"},
        "kind": {"enum": ["king", "knave", 3]},
        "friends": {"type": "array", "maxItems": 2, "items": {"$ref": "#"}},
        "size": {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/flag"}]}},
       "$defs": {"flag": {"type": "boolean"}}}
      """;

  private static Schema schema(String text) {
    return Schema.of(Served.json(text));
  }

  /** What is left of a text when the first character that does not fit is met. */
  private static String unfit(Schema schema, String text) {
    JsonText now = JsonText.of(schema);
    for (int i = 0; i < text.length(); i++) {
      Optional<JsonText> next = now.with(text.substring(i, i + 1));
      if (next.isEmpty()) {
        return text.substring(i);
      }
      now = next.get();
    }
    return now.isWhole() ? "" : "…";
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"name\":\"a\",\"age\":1,\"kind\":3}",
        "{ \"name\": \"ab\\n\\u00e9c\", \"nick\":null,\n    \"age\":-10,\"kind\":\"knave\",\"friends\": [\n] }",
        "{\"name\":\"😀😀😀😀😀\",\"nick\":\"\",\"age\":0,\"kind\":\"king\",\"size\":-1.5e+3}",
        "{\"name\":\"a\",\"age\":1,\"kind\":3,\"friends\":[],\"size\":true}",
        "{\"name\":\"a\",\"age\":1,\"kind\":3,\"friends\":[{\"name\":\"b\",\"age\":2,\"kind\":3,\"friends\":[{\"name\":\"c\",\"age\":3,\"kind\":3}]},{\"name\":\"d\",\"age\":4,\"kind\":3}]}",
      })
  void takesWhatTheSchemaAllows(String text) {
    assertThat(unfit(schema(PERSON), text)).isEmpty();
    assertThat(JsonText.of(schema(PERSON)).with(text).orElseThrow().isWhole()).isTrue();
    Served.json(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "!",
        "![",
        "{!}",
        "{\"nam!x",
        "{\"!age\":1",
        "{\"name\":!1",
        "{\"name\":\"!\",",
        "{\"name\":\"abcde!f",
        "{\"name\":\"a\\!x",
        "{\"name\":\"a\\u12!g",
        "{\"name\":\"a!\n",
        "{\"name\":\"a\"!}",
        "{\"name\":\"a\",\"age\":!\"",
        "{\"name\":\"a\",\"age\":1!.5",
        "{\"name\":\"a\",\"age\":0!1",
        "{\"name\":\"a\",\"age\":-!,",
        "{\"name\":\"a\",\"age\":1,\"!nick\"",
        "{\"name\":\"a\",\"age\":1,\"kind\":\"kn!ight",
        "{\"name\":\"a\",\"age\":1,\"kind\":3,!}",
        "{\"name\":\"a\"! ,",
        "{\"name\":\"a\",\"age\":1,\"kind\":3}!}",
        "{\"name\":\"a\",\"age\":1,\"kind\":3}! ",
        "{\"name\":\"a\",\"age\":1,\"kind\":3,\"friends\":[!1",
        "{\"name\":\"a\",\"age\":1,\"kind\":3,\"size\":1e!}",
        "{\"name\":\"a\",\"age\":1,\"kind\":3,\"size\":1.!}",
        "{\"name\":\"a\",\"age\":1,\"kind\":3,\"size\":t!u",
      })
  void refusesTheRestFromTheFirstLetterOn(String marked) {
    int at = marked.indexOf('!');
    String text = marked.replaceFirst("!", "");
    assertThat(unfit(schema(PERSON), text + "x")).isEqualTo(text.substring(at) + "x");
  }

  @Test
  void endsBlanksThatGoOnForEver() {
    assertThat(unfit(Schema.OBJECT, "{" + "\n".repeat(100))).hasSize(99);
    assertThat(unfit(Schema.OBJECT, "{\n" + " ".repeat(100))).hasSize(60);
    assertThat(unfit(Schema.OBJECT, "  {")).hasSize(2);
    assertThat(unfit(Schema.OBJECT, "{\"a\":" + "[".repeat(1000))).isNotEmpty();
  }

  /** A choice between things that begin alike must not multiply. */
  @Test
  void followsManyWaysAtOnce() {
    Schema schema =
        schema(
            """
            {"type": "object", "additionalProperties": {"type": "array", "items":
              {"anyOf": [{"type": "string"}, {"type": "string", "maxLength": 3}, {"enum": ["a", "ab"]}]}}}
            """);
    String text = "{\"x\":[" + "\"a\",".repeat(200) + "\"abcd\"]}";
    assertThat(unfit(schema, text)).isEmpty();
  }

  /** Letters that a vocabulary may have only in parts are escaped where they must come. */
  @Test
  void knownTextsArePlainLetters() {
    Schema schema =
        schema(
            """
            {"type": "object", "required": ["größe"], "properties": {"größe": {"enum": ["é", "\\n"]}}}
            """);
    assertThat(unfit(schema, "{\"gr\\u00f6\\u00dfe\":\"\\u00e9\"}")).isEmpty();
    assertThat(unfit(schema, "{\"gr\\u00f6\\u00dfe\":\"\\n\"}")).isEmpty();
    assertThat(unfit(schema, "{\"größe\"")).isEqualTo("öße\"");
  }

  @Test
  void choosesAmongManyValues() {
    StringBuilder values = new StringBuilder("\"\"");
    for (int i = 0; i < 1500; i++) {
      values.append(",\"value ").append(i).append('"');
    }
    Schema schema =
        schema("{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[" + values + "]}}}");
    assertThat(unfit(schema, "{\"a\":\"value 1234\"}")).isEmpty();
    assertThat(unfit(schema, "{\"a\":\"value 1600\"}")).isEqualTo("0\"}");
  }

  /** Whatever is written at random, as long as it may follow, is JSON in the end. */
  @Test
  void whatMayFollowIsJson() {
    String letters = "{}[]\":,\\ \n0123456789-+.E/abcdefghijklmnopqrstuvwxyz\u00e9";
    Random random = new Random(7);
    int whole = 0;
    for (int run = 0; run < 300; run++) {
      Schema schema = run % 2 == 0 ? Schema.OBJECT : schema(PERSON);
      JsonText now = JsonText.of(schema);
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 20_000 && !now.isWhole(); i++) {
        // the nearer to the end, the rather what ends something
        String from = i > 200 ? "\"}]1u0" + letters : letters;
        int most = i > 200 ? 6 + random.nextInt(from.length() - 5) : from.length();
        String letter =
            now.forced().isEmpty()
                ? String.valueOf(from.charAt(random.nextInt(most)))
                : now.forced();
        Optional<JsonText> next = now.with(letter);
        if (next.isPresent()) {
          text.append(letter);
          now = next.get();
        }
      }
      if (now.isWhole()) {
        whole++;
        assertThat(Served.json(text.toString()).isObject()).isTrue();
      }
    }
    assertThat(whole).isGreaterThan(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"type\": \"array\"}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", \"pattern\": \"a*\"}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"number\", \"minimum\": 1}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"allOf\": []}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"$ref\": \"http://x\"}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"$ref\": \"#/$defs/none\"}}}",
        "{\"type\": \"object\", \"required\": [\"b\"], \"properties\": {\"a\": true}}",
        "{\"$ref\": \"#\"}",
        "{\"anyOf\": [{\"$ref\": \"#\"}]}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"enum\": []}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"anyOf\": []}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"enum\": [[1]]}}}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", \"minLength\": 3, \"maxLength\": 2}}}",
        "7",
      })
  void refusesWhatCannotBeHeldTo(String text) {
    assertThatThrownBy(() -> schema(text))
        .isInstanceOf(ApiError.class)
        .satisfies(e -> assertThat(((ApiError) e).status()).isEqualTo(400));
  }
}
