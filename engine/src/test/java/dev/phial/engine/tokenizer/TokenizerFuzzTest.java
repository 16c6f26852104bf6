package dev.phial.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.SplitRules;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Whatever a tokenizer.json holds, it turns texts into tokens and back, or is refused before the
 * library that runs it can end the process.
 */
final class TokenizerFuzzTest {
  private static final Path FOLDER = folder();

  private static final String TEXT =
      "Hello, world!  It's <s>7 × 6</s>\r\n\t▁ ΑΣ \u00A0😀 " + "aB".repeat(300) + " ".repeat(300);

  private static final List<String> NORMALIZERS = List.of("Prepend", "Replace", "NFC");

  private static final List<String> PRE_TOKENIZERS =
      List.of("ByteLevel", "Split", "Metaspace", "Digits");

  private static final List<String> DECODERS =
      List.of("ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace");

  private static final List<String> EXPRESSIONS =
      List.of(
          SplitRules.CL100K,
          "[^ab]+|a*[ab]+|[ab]+",
          "\\s*[\\r\\n]+|\\s+(?!\\S)",
          "ab|(?i:a|é)?b|[^a]",
          " ",
          "a",
          "▁");
  private static final List<String> BEHAVIORS =
      List.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");

  private static final List<String> SCHEMES = List.of("first", "never", "always");

  private static Path folder() {
    try {
      Path folder = Files.createTempDirectory("phial-fuzz");
      folder.toFile().deleteOnExit();
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @FuzzTest
  @DictionaryEntries({
    "\"type\":\"Sequence\"",
    "\"type\":\"Split\"",
    "\"type\":\"ByteLevel\"",
    "\"type\":\"Metaspace\"",
    "\"type\":\"Digits\"",
    "\"type\":\"Replace\"",
    "\"type\":\"Prepend\"",
    "\"type\":\"NFKC\"",
    "\"type\":\"Lowercase\"",
    "\"type\":\"Strip\"",
    "\"type\":\"Fuse\"",
    "\"type\":\"ByteFallback\"",
    "\"Regex\":",
    "\"String\":",
    "\"behavior\":\"MergedWithNext\"",
    "\"behavior\":\"Removed\"",
    "\"invert\":true",
    "\"prepend_scheme\":\"first\"",
    "\"individual_digits\":true",
    "\"lstrip\":true",
    "\"rstrip\":true",
    "\"single_word\":true",
    "\"normalized\":true",
    "\"special\":true",
    "\"fuse_unk\":true",
    "\"byte_fallback\":true",
    "\"ignore_merges\":true",
    "\"unk_token\":\"a\"",
    "\\\\p{L}+",
    "\\\\s+(?!\\\\S)",
    "\\\\s*[\\\\r\\\\n]+",
    "(?i:'s|'t)?",
    "[^a-z]",
    "\\\\p{Nd}{1,3}",
    "a*[ab]+|[ab]+"
  })
  void encodes(byte[] json) {
    encodeOrRefuse(json, TEXT);
  }

  /** As fuzzers do not easily find by themselves: steps that are all sound, one by one. */
  @FuzzTest
  @DictionaryEntries({
    "\\p{L}+",
    "\\s+(?!\\S)",
    "\\s*[\\r\\n]+",
    "(?i:'s|'t)?",
    "[^a-z]",
    "\\p{Nd}{1,3}",
    "a*[ab]+|[ab]+"
  })
  void encodesWithAnySteps(FuzzedDataProvider data) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    ObjectNode model = json.putObject("model").put("type", "BPE");
    ObjectNode vocabulary = model.putObject("vocab");
    String letters = "ab▁Ġ é<s>🎈" + data.consumeString(8);
    letters.codePoints().forEach(c -> vocabulary.put(Character.toString(c), vocabulary.size()));
    vocabulary.put("ab", vocabulary.size()).put("<0x0A>", vocabulary.size() + 1);
    model.putArray("merges").addArray().add("a").add("b");
    for (String flag : List.of("fuse_unk", "byte_fallback", "ignore_merges")) {
      model.put(flag, data.consumeBoolean());
    }
    steps(json.putObject("normalizer"), "normalizers", NORMALIZERS, data);
    steps(json.putObject("pre_tokenizer"), "pretokenizers", PRE_TOKENIZERS, data);
    steps(json.putObject("decoder"), "decoders", DECODERS, data);
    ArrayNode added = json.putArray("added_tokens");
    for (int i = data.consumeInt(0, 3); i > 0; i--) {
      ObjectNode token = added.addObject().put("id", 100 + i).put("content", data.consumeString(4));
      for (String flag : List.of("special", "lstrip", "rstrip", "single_word", "normalized")) {
        token.put(flag, data.consumeBoolean());
      }
    }
    byte[] bytes = json.toString().getBytes(StandardCharsets.UTF_8);
    encodeOrRefuse(bytes, data.consumeRemainingAsString());
  }

  private static void steps(
      ObjectNode place, String list, List<String> types, FuzzedDataProvider data) {
    ArrayNode steps = place.put("type", "Sequence").putArray(list);
    for (int i = data.consumeInt(0, 4); i > 0; i--) {
      ObjectNode step = steps.addObject().put("type", data.pickValue(types));
      step.put("prepend", data.consumeString(3)).put("content", data.consumeString(3));
      String pattern = data.consumeBoolean() ? data.pickValue(EXPRESSIONS) : data.consumeString(20);
      if (step.path("type").asString().equals("Split") && data.consumeBoolean()) {
        step.putObject("pattern").put("Regex", pattern);
      } else {
        step.putObject("pattern").put("String", pattern);
      }
      step.put("behavior", data.pickValue(BEHAVIORS)).put("invert", data.consumeBoolean());
      step.put("add_prefix_space", data.consumeBoolean()).put("trim_offsets", true);
      step.put("use_regex", data.consumeBoolean()).put("individual_digits", data.consumeBoolean());
      step.put("replacement", "▁").put("prepend_scheme", data.pickValue(SCHEMES));
      step.put("split", data.consumeBoolean()).put("start", data.consumeInt(0, 3)).put("stop", 0);
    }
  }

  private static void encodeOrRefuse(byte[] json, String text) {
    Path file = FOLDER.resolve("tokenizer.json");
    file.toFile().deleteOnExit();
    try {
      Files.write(file, json);
      Tokenizer tokenizer = Tokenizer.open(FOLDER);
      for (boolean special : new boolean[] {true, false}) {
        int[] ids = tokenizer.encode(text, special).ids();
        assertThat(Arrays.stream(ids)).allMatch(id -> id >= 0 && id <= Limits.HIGHEST_ID);
        assertThat(tokenizer.decode(ids)).isNotNull();
      }
    } catch (PhialException e) {
      assertThat(e)
          .message()
          .contains(FOLDER.toString())
          .hasSizeLessThan(4000)
          .doesNotContainPattern("\\p{Cc}");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
