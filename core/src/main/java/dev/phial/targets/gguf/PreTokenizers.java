package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.source.SplitRules;
import dev.phial.source.TokenizerJson;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * llama.cpp's name for the way a byte-pair tokenizer splits text before it merges: its converter
 * knows published vocabularies by the hash of what they make of one odd text; other vocabularies
 * are known by their splitting rule.
 */
final class PreTokenizers {
  /**
   * {@code chktxt} of llama.cpp's converter, character for character: the hashes below are of its
   * ids.
   */
  private static final String PROBE =
      "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n\uD83D\uDE80 (normal) \uD83D\uDE36"
          + "\u200D\uD83C\uDF2B\uFE0F (multiple emojis concatenated) \u2705 \uD83E\uDD99\uD83E"
          + "\uDD99 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 \u1780\u17B6\u1793"
          + "\u17CB\u178F\u17C2\u1796\u17B7\u179F\u17C1\u179F\u17A2\u17B6\u1785\uD83D\uDE01 ?"
          + "\u6211\u60F3\u5728apple\u5DE5\u4F5C1314151\u5929\uFF5E ------======= \u043D\u0435"
          + "\u0449\u043E \u043D\u0430 \u0411\u044A\u043B\u0433\u0430\u0440\u0441\u043A\u0438 '''"
          + "'''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? 'M no"
          + "t sure I'll make it, 'D you like some tea? We'Ve a'lL";

  /**
   * Hash of the probe's ids, as the converter lists them, to the name in {@code llama-vocab.cpp}.
   */
  static final Map<String, String> PUBLISHED =
      Map.of(
          "fcace8b9cac38ce847670c970cd5892031a753a1ef381abd1d9af00f713da085", "phi-2",
          "a8594e3edff7c29c003940395316294b2c623e09894deebbc65f33f1515df79e", "dbrx",
          "ccc2ef013c104be7bae2965776d611e1d7a8a2a9c547dd93a682c9a9fc80352e", "gpt-4o",
          "3ce83efda5659b07b1ad37ca97ca5797ea4285d9b9ab0dc679e4a720c9da7454", "gpt-2",
          "0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5", "llama-bpe");

  private static final String CL100K_POSSESSIVE =
      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

  private static final Map<String, String> BY_RULE =
      Map.of(SplitRules.CL100K, "dbrx", CL100K_POSSESSIVE, "dbrx", SplitRules.O200K, "gpt-4o");

  private PreTokenizers() {}

  /**
   * @throws PhialException.Unsupported if neither the vocabulary nor its rule is known
   */
  static String name(Path folder, TokenizerJson json) {
    Optional<String> hash = fingerprint(json);
    return hash.map(PUBLISHED::get)
        .or(() -> byRule(json.preTokenizer()))
        .orElseThrow(() ->
            new PhialException.Unsupported(
                "%s: expected a byte-pair tokenizer that llama.cpp knows, found one with fingerprint %s and another"
                        .formatted(folder, hash.orElse("none"))
                    + " splitting rule; if you know which of llama.cpp's rules it follows, pass"
                    + " --override-kv tokenizer.ggml.pre=str:NAME"));
  }

  /**
   * SHA-256 of the probe's ids, written as Python writes a list; none where the tokenizer's own
   * rule makes no sense.
   */
  static Optional<String> fingerprint(TokenizerJson json) {
    try {
      String ids = new BytePairs(json).encode(PROBE).toString();
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      return Optional.of(
          HexFormat.of().formatHex(sha.digest(ids.getBytes(StandardCharsets.UTF_8))));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JVM has SHA-256", e);
    }
  }

  private static Optional<String> byRule(JsonNode preTokenizer) {
    List<JsonNode> steps = new ArrayList<>();
    preTokenizer.path("pretokenizers").forEach(steps::add);
    if (steps.isEmpty()) {
      steps.add(preTokenizer);
    }
    for (JsonNode step : steps) {
      String type = step.path("type").asString("");
      if (type.equals("Split")) {
        return Optional.ofNullable(BY_RULE.get(step.path("pattern").path("Regex").asString("")));
      }
      if (type.equals("ByteLevel") && step.path("use_regex").asBoolean(true)) {
        return Optional.of("phi-2"); // GPT-2's rule, which CodeGen kept
      }
    }
    return Optional.empty();
  }
}
