package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import dev.phial.source.SplitRules;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The steps around the merging: those that files bring are checked, because the library that runs
 * them ends the process when one goes wrong; those that GGUF files only imply are written here.
 */
final class Steps {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final int LONGEST_TEXT = 16;
  private static final int LONGEST_REGEX = 1000;
  private static final int MOST_STEPS = 16;

  /** What a step may be, by its place. */
  private static final Map<String, List<String>> KNOWN =
      Map.of(
          "normalizer", List.of("Prepend", "Replace", "NFC"),
          "pre_tokenizer", List.of("ByteLevel", "Split", "Metaspace", "Digits"),
          "decoder", List.of("ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"));

  private static final Map<String, String> LISTS =
      Map.of(
          "normalizer", "normalizers",
          "pre_tokenizer", "pretokenizers",
          "decoder", "decoders");

  /** Bytes that steps may make of one; of those of Phi models some make twelve. */
  private static final int MOST_GROWTH = 64;

  /** Expressions that are harmless, as a test shows. */
  private static final List<String> WELL_KNOWN = List.of(SplitRules.CL100K, SplitRules.O200K);

  private Steps() {}

  /**
   * @param place {@code normalizer}, {@code pre_tokenizer} or {@code decoder}
   * @return the step itself
   * @throws PhialException.Unsupported if it is of a kind that no Phi tokenizer has
   */
  static JsonNode check(Path file, String place, JsonNode step) {
    if (step.isNull() || step.isMissingNode()) {
      return NODES.nullNode();
    }
    String type = step.path("type").asString("");
    if (type.equals("Sequence")) {
      JsonNode list = step.path(LISTS.getOrDefault(place, ""));
      if (!list.isArray() || list.size() > MOST_STEPS) {
        throw unsupported(file, place, "at most %d steps".formatted(MOST_STEPS), step);
      }
      for (JsonNode inner : list) {
        if (inner.path("type").asString("").equals("Sequence")) {
          throw unsupported(file, place, "no sequence within a sequence", step);
        }
        check(file, place, inner);
      }
      return step;
    }
    List<String> known = KNOWN.getOrDefault(place, List.of());
    if (!known.contains(type)) {
      throw unsupported(file, place, "one of " + known, step);
    }
    for (String field : List.of("content", "prepend")) {
      if (step.path(field).asString("").length() > LONGEST_TEXT) {
        throw unsupported(file, place, "texts of at most " + LONGEST_TEXT, step);
      }
    }
    if (place.equals("normalizer") && writesNothing(step)) {
      // the library loses its place in the text, or looks for an added token that became empty
      throw unsupported(file, place, "steps that write some text", step);
    }
    if (place.equals("decoder") && type.equals("Strip") && step.path("stop").asInt(0) != 0) {
      throw unsupported(file, place, "no strip at the end", step); // cuts what may not be there
    }
    JsonNode pattern = step.path("pattern");
    if (pattern.has("Regex") && type.equals("Split")) {
      checkRegex(file, place, pattern.path("Regex").asString(""));
    } else if (!pattern.isMissingNode() && pattern.path("String").asString("").isEmpty()) {
      throw unsupported(file, place, "a text to look for", step);
    }
    return step;
  }

  private static boolean writesNothing(JsonNode step) {
    String written =
        switch (step.path("type").asString("")) {
          case "Prepend" -> "prepend";
          case "Replace" -> "content";
          default -> "type";
        };
    return step.path(written).asString("").isEmpty();
  }

  private static void checkRegex(Path file, String place, String regex) {
    if (regex.length() > LONGEST_REGEX) {
      throw new PhialException.Unsupported(
          "%s: expected in %s an expression of at most %d characters, found %d"
              .formatted(file, place, LONGEST_REGEX, regex.length()));
    }
    if (WELL_KNOWN.contains(regex)) {
      return; // reading it takes time at every start
    }
    try {
      SplitExpression.check(regex);
    } catch (SplitExpression.Refused e) {
      throw new PhialException.Unsupported(
          "%s: expected in %s an expression that splits any text in little time, found %s, of which that is not known: %s"
              .formatted(file, place, shorten(regex), e.getMessage()));
    }
  }

  /**
   * Makes sure that steps make no large text of a small one.
   *
   * @throws PhialException.Unsupported if they may
   */
  static void checkGrowth(Path file, JsonNode normalizer, JsonNode preTokenizer, JsonNode decoder) {
    double most =
        Math.max(
            growth("normalizer", normalizer) * growth("pre_tokenizer", preTokenizer),
            growth("decoder", decoder));
    if (most > MOST_GROWTH) {
      throw new PhialException.Unsupported(
          "%s: expected steps that make at most %d bytes of one, found some that make more; a Phi tokenizer has no such steps"
              .formatted(file, MOST_GROWTH));
    }
  }

  /**
   * The most bytes that steps make of one. Each part of a text between special tokens goes through
   * them on its own, so what leads a part counts as what is made of its first byte.
   *
   * @param step already checked
   */
  private static double growth(String place, JsonNode step) {
    JsonNode list = step.path(LISTS.getOrDefault(place, ""));
    double bytes = 1;
    for (JsonNode each : list.isArray() ? list : NODES.arrayNode().add(step)) {
      bytes =
          switch (each.path("type").asString("")) {
            case "Prepend" -> bytes + bytes(each.path("prepend"));
            case "Replace" ->
                bytes
                    * Math.max(
                        1.0,
                        (double) bytes(each.path("content"))
                            / bytes(each.path("pattern").path("String")));
            case "NFC" -> 3 * bytes; // by Unicode's FAQ on normalization
            case "ByteLevel" -> place.equals("decoder") ? bytes : 2 * bytes + 2;
            case "Metaspace" -> 4 * bytes + 4;
            default -> bytes;
          };
    }
    return bytes;
  }

  private static int bytes(JsonNode text) {
    return text.asString("").getBytes(StandardCharsets.UTF_8).length;
  }

  private static PhialException unsupported(
      Path file, String place, String expected, JsonNode found) {
    return new PhialException.Unsupported(
        "%s: expected as %s %s, found %s; a Phi tokenizer has no such step"
            .formatted(file, place, expected, shorten(found.toString())));
  }

  private static String shorten(String text) {
    String printable = text.replaceAll("\\p{Cntrl}", "·");
    return printable.length() > 200 ? printable.substring(0, 200) + "…" : printable;
  }

  static JsonNode none() {
    return NODES.nullNode();
  }

  /** Writes bytes as printable characters, after splitting as GPT-2 does or not at all. */
  static ObjectNode byteLevel(boolean splits) {
    return step("ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", true)
        .put("use_regex", splits);
  }

  /** Cuts out every match of each expression in turn, then writes bytes. */
  static ObjectNode splits(List<String> regexes) {
    ObjectNode sequence = step("Sequence");
    ArrayNode steps = sequence.putArray("pretokenizers");
    for (String regex : regexes) {
      ObjectNode split = step("Split").put("behavior", "Isolated").put("invert", false);
      split.putObject("pattern").put("Regex", regex);
      steps.add(split);
    }
    steps.add(byteLevel(false));
    return sequence;
  }

  /** SentencePiece's blanks: each becomes ▁, and one more leads the text. */
  static ObjectNode escapeBlanks(boolean prefix) {
    ObjectNode sequence = step("Sequence");
    ArrayNode steps = sequence.putArray("normalizers");
    if (prefix) {
      steps.add(step("Prepend").put("prepend", "▁"));
    }
    steps.add(replace(" ", "▁"));
    return sequence;
  }

  /** The way back: ▁ to a blank, byte tokens to their bytes, no leading blank. */
  static ObjectNode unescapeBlanks(boolean prefix) {
    ObjectNode sequence = step("Sequence");
    ArrayNode steps = sequence.putArray("decoders");
    steps.add(replace("▁", " ")).add(step("ByteFallback")).add(step("Fuse"));
    if (prefix) {
      steps.add(step("Strip").put("content", " ").put("start", 1).put("stop", 0));
    }
    return sequence;
  }

  private static ObjectNode replace(String from, String to) {
    ObjectNode step = step("Replace").put("content", to);
    step.putObject("pattern").put("String", from);
    return step;
  }

  private static ObjectNode step(String type) {
    return NODES.objectNode().put("type", type);
  }
}
