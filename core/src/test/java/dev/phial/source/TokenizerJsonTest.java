package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import dev.phial.source.TokenizerJson.AddedToken;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class TokenizerJsonTest {
  @TempDir Path folder;

  static final String SOUND =
      """
      {"version": "1.0", "added_tokens": [
         {"id": 2, "content": "<s>", "special": true, "normalized": false},
         {"id": 3, "content": "φ", "single_word": false}],
       "normalizer": {"type": "Sequence", "normalizers": []},
       "pre_tokenizer": {"type": "ByteLevel"}, "post_processor": null,
       "model": {"type": "BPE", "dropout": null, "ignore_merges": true,
         "vocab": {"a": 0, "b": 1}, "merges": ["a b", ["a", "b"], ["a a", " b"]], "unk": [[]]}}\
      """;

  @Test
  void readsBothFormsOfMerges() {
    TokenizerJson json = read(SOUND);
    assertThat(json.vocabulary()).containsExactly(Map.entry("a", 0), Map.entry("b", 1));
    assertThat(json.merges()).containsExactly("a b", "a b", "aĠa Ġb");
    assertThat(json.ignoresMerges()).isTrue();
    assertThat(json.addedTokens())
        .containsExactly(
            new AddedToken(2, "<s>", true, false), new AddedToken(3, "φ", false, true));
    assertThat(json.preTokenizer().path("type").asString()).isEqualTo("ByteLevel");
    assertThat(json.postProcessor().isNull()).isTrue();
  }

  @Test
  void readsOtherModelsWithoutTheirVocabulary() {
    TokenizerJson json = read("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1.5]]}}");
    assertThat(json.vocabulary()).isEmpty();
    assertThat(read("{}").merges()).isEmpty();
  }

  @Test
  void readsTheOlderPairOfFiles() {
    Config vocab = new Config(Path.of("vocab.json"), Json.MAPPER.readTree("{\"a\":0,\"#\":1}"));
    List<String> lines =
        List.of("#version: 0.2", "a b", "", "#version #", " c  d ", "a b c", "alone");
    TokenizerJson json = TokenizerJson.of(vocab, lines, List.of());
    assertThat(json.vocabulary()).containsOnlyKeys("a", "#");
    assertThat(json.merges()).containsExactly("a b", "#version #", "c d");
    assertThat(json.preTokenizer().path("type").asString()).isEqualTo("ByteLevel");
  }

  static Stream<Arguments> files() {
    return Stream.of(
        Arguments.of("found the end", ""),
        Arguments.of("START_ARRAY", "[]"),
        Arguments.of("error", "{"),
        Arguments.of("for the end of the file", "{}{}"),
        Arguments.of("error", "{}x"),
        Arguments.of("for model, found VALUE_NULL", "{\"model\":null}"),
        Arguments.of("for token a, found VALUE_STRING", model("\"vocab\":{\"a\":\"b\"}")),
        Arguments.of("for token a, found VALUE_NUMBER_FLOAT", model("\"vocab\":{\"a\":1.0}")),
        Arguments.of("token a: expected an id, found -1", model("\"vocab\":{\"a\":-1}")),
        Arguments.of("found 2147483648", model("\"vocab\":{\"a\":2147483648}")),
        Arguments.of("found 99999999999999999999", model("\"vocab\":{\"a\":99999999999999999999}")),
        Arguments.of("for merges, found VALUE_NULL", model("\"merges\":null")),
        Arguments.of("for a merge, found VALUE_NUMBER_INT", model("\"merges\":[1]")),
        Arguments.of("for a merge, found END_ARRAY", model("\"merges\":[[\"a\"]]")),
        Arguments.of("for a merge, found VALUE_STRING", model("\"merges\":[[\"a\",\"b\",\"c\"]]")),
        Arguments.of("expected an id, found", "{\"added_tokens\":[{\"content\":\"a\"}]}"),
        Arguments.of("expected an id, found -5", "{\"added_tokens\":[{\"id\":-5}]}"),
        Arguments.of("expected an id, found", "{\"added_tokens\":[1]}"),
        Arguments.of("for added_tokens, found START_OBJECT", "{\"added_tokens\":{}}"),
        Arguments.of("a\\u{1b}", "{\"model\": a\33}"),
        Arguments.of("\\u{1b}…", model("\"vocab\":{\"" + "\\u001b".repeat(5000) + "\":null}")),
        Arguments.of("Name length", model("\"vocab\":{\"" + "a".repeat(100_000) + "\":1}")),
        Arguments.of("nesting", "{\"x\":" + "[".repeat(1000)),
        Arguments.of("Token count", "{\"x\":[" + "1,".repeat(3_000_000) + "1]}"),
        Arguments.of("Document length", " ".repeat(40_000_000)));
  }

  private static String model(String fields) {
    return "{\"model\":{" + fields + "}}";
  }

  @ParameterizedTest
  @MethodSource("files")
  void refuses(String found, String json) {
    Path file = folder.resolve("tokenizer.json");
    Refused.asBad(file, found, () -> read(json));
  }

  @Test
  void refusesEveryCut() {
    Refused.whereverCut(Bytes.of(SOUND), folder.resolve("tokenizer.json"), TokenizerJson::read);
  }

  private TokenizerJson read(String json) {
    return TokenizerJson.read(Refused.write(folder.resolve("tokenizer.json"), json));
  }
}
