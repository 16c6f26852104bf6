package dev.phial.targets.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.TokenizerJson;
import dev.phial.source.TokenizerJson.AddedToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** llama.cpp's names for byte-pair vocabularies: of the published ones, and of others by rule. */
final class PreTokenizersTest {
  private static final Path FOLDER = Path.of("model");
  private static final String GPT2 = "{\"type\":\"ByteLevel\",\"use_regex\":true}";
  private static final String CL100K =
      split(
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
              + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
  private static final String O200K =
      split(
          "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
              + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
              + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
              + "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
              + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");

  private static String split(String regex) {
    return """
    {"type": "Sequence", "pretokenizers": [
       {"type": "Split", "pattern": {"Regex": %s}, "behavior": "Isolated", "invert": false},
       {"type": "ByteLevel", "use_regex": false}]}\
    """
        .formatted(Json.MAPPER.writeValueAsString(regex));
  }

  static Stream<JsonNode> fingerprints() throws IOException {
    return MetadataGoldenTest.golden("fingerprints");
  }

  /** The hash of the ids that the tokenizers library gives. */
  @ParameterizedTest
  @MethodSource("fingerprints")
  void fingerprintsAreThoseOfTheConverter(JsonNode golden) {
    Path folder = Fixtures.model(golden.get("model").asString());
    TokenizerJson json = TokenizerJson.read(folder.resolve("tokenizer.json"));
    assertThat(PreTokenizers.fingerprint(json)).contains(golden.get("hash").asString());
  }

  static Stream<Arguments> published() {
    return Stream.of(
        Arguments.of("gpt-2", "r50k_base", GPT2, List.of()),
        Arguments.of("phi-2", "r50k_base", GPT2, codeGenBlanks()), // Phi-1, 1.5 and 2
        Arguments.of("dbrx", "cl100k_base", CL100K, List.of()), // Phi-4
        Arguments.of("gpt-4o", "o200k_base", O200K, List.of())); // Phi-4-mini
  }

  /** Runs of 31 to 2 blanks, and of 9 to 2 tabs. */
  private static List<AddedToken> codeGenBlanks() {
    List<AddedToken> tokens = new ArrayList<>();
    IntStream.rangeClosed(2, 31)
        .forEach(i -> tokens.add(new AddedToken(50288 - i, " ".repeat(i), false, true)));
    IntStream.rangeClosed(2, 9)
        .forEach(i -> tokens.add(new AddedToken(50296 - i, "\t".repeat(i), false, true)));
    return tokens;
  }

  /** What was published is known by its hash: without the rule, which comes second. */
  @ParameterizedTest
  @MethodSource("published")
  void knowsPublishedVocabularies(
      String name, String vocabulary, String preTokenizer, List<AddedToken> added)
      throws IOException {
    TokenizerJson json = published(vocabulary, preTokenizer, added);
    assertThat(PreTokenizers.fingerprint(json).map(PreTokenizers.PUBLISHED::get)).contains(name);
    assertThat(PreTokenizers.name(FOLDER, json)).isEqualTo(name);
  }

  private static TokenizerJson published(String name, String preTokenizer, List<AddedToken> added)
      throws IOException {
    Map<String, Integer> ranks = new LinkedHashMap<>(); // bytes as characters
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                PreTokenizersTest.class.getResourceAsStream(
                    "/com/knuddels/jtokkit/" + name + ".tiktoken"),
                StandardCharsets.US_ASCII))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] words = line.split(" ", 2);
        byte[] token = Base64.getDecoder().decode(words[0]);
        ranks.put(new String(token, StandardCharsets.ISO_8859_1), Integer.parseInt(words[1]));
      }
    }
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    List<String> merges = new ArrayList<>();
    ranks.forEach((token, rank) -> {
      vocabulary.put(BytePairs.spell(token.getBytes(StandardCharsets.ISO_8859_1)), rank);
      IntStream.range(1, token.length())
          .mapToObj(i -> List.of(token.substring(0, i), token.substring(i)))
          .filter(pair -> ranks.keySet().containsAll(pair))
          .sorted(Comparator.comparing((List<String> pair) -> ranks.get(pair.getFirst())))
          .map(pair ->
              String.join(
                  " ",
                  pair.stream()
                      .map(part -> BytePairs.spell(part.getBytes(StandardCharsets.ISO_8859_1)))
                      .toList()))
          .forEach(merges::add);
    });
    return json(vocabulary, merges, added, preTokenizer);
  }

  private static TokenizerJson json(
      Map<String, Integer> vocabulary,
      List<String> merges,
      List<AddedToken> added,
      String preTokenizer) {
    return new TokenizerJson(
        vocabulary,
        merges,
        false,
        added,
        Json.MAPPER.readTree(preTokenizer),
        Json.MAPPER.nullNode());
  }

  static Stream<Arguments> rules() {
    return Stream.of(
        Arguments.of("phi-2", GPT2),
        Arguments.of("phi-2", "{\"type\":\"ByteLevel\"}"),
        Arguments.of("phi-2", "{\"type\":\"Sequence\",\"pretokenizers\":[" + GPT2 + "]}"),
        Arguments.of("dbrx", CL100K),
        Arguments.of("gpt-4o", O200K));
  }

  @ParameterizedTest
  @MethodSource("rules")
  void knowsOthersByTheirRule(String name, String preTokenizer) {
    assertThat(PreTokenizers.name(FOLDER, json(Map.of("a", 0), List.of(), List.of(), preTokenizer)))
        .isEqualTo(name);
  }

  static Stream<String> unknown() {
    return Stream.of(
        "null",
        "{}",
        "{\"type\":\"ByteLevel\",\"use_regex\":false}",
        "{\"type\":\"Whitespace\"}",
        split("\\w+"),
        split("("), // no rule that Java, or anyone, understands
        split("(".repeat(1_000_000)),
        split("(\\\\s?(.?)*)*x"));
  }

  @ParameterizedTest
  @MethodSource("unknown")
  void refusesOthersAndSaysWhatToPass(String preTokenizer) {
    TokenizerJson json = json(Map.of("a", 0), List.of(), List.of(), preTokenizer);
    assertThatThrownBy(() -> PreTokenizers.name(FOLDER, json))
        .isInstanceOf(PhialException.class)
        .hasMessageContaining("model")
        .hasMessageContaining("--override-kv tokenizer.ggml.pre=str:NAME");
  }

  @Test
  void longestAddedTokensAreFoundFirst() {
    TokenizerJson json =
        json(
            Map.of("a", 0, "b", 1, "ab", 2),
            List.of("a b"),
            List.of(
                new AddedToken(8, "<x>", true, false), new AddedToken(9, "<x><x>", true, false)),
            GPT2);
    assertThat(new BytePairs(json).encode("ab<x><x><x>ba")).containsExactly(2, 9, 8, 1, 0);
  }

  @Test
  void whatThePostProcessorAddsIsPartOfTheFingerprint() {
    TokenizerJson plain =
        json(Map.of("a", 0), List.of(), List.of(new AddedToken(7, "<s>", true, false)), GPT2);
    JsonNode template =
        Json.MAPPER.readTree(
            "{\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}}]}");
    TokenizerJson json =
        new TokenizerJson(
            plain.vocabulary(),
            List.of(),
            false,
            plain.addedTokens(),
            plain.preTokenizer(),
            template);
    assertThat(new BytePairs(json).encode("aa")).containsExactly(7, 0, 0);
  }
}
