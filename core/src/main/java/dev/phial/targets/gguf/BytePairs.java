package dev.phial.targets.gguf;

import dev.phial.source.TokenizerJson;
import dev.phial.source.TokenizerJson.AddedToken;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A byte-level byte-pair encoder, just good enough to take the fingerprint of a vocabulary; the
 * tokenizer that people use is the engine's.
 */
final class BytePairs {
  /** GPT-2's way to split text, which a ByteLevel step implies. */
  private static final String GPT2 =
      "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final String[] SYMBOLS = symbols();
  private static final int LONGEST_RULE = 2000; // o200k's has 400
  private static final int MOST_STEPS = 1 << 22;

  private final TokenizerJson json;
  private final List<AddedToken> added;
  private final Map<String, Integer> ranks = new HashMap<>();
  private final List<Pattern> splits = new ArrayList<>();

  /**
   * @throws IllegalArgumentException if a splitting rule makes no sense
   */
  BytePairs(TokenizerJson json) {
    this.json = json;
    this.added =
        json.addedTokens().stream()
            .filter(token -> !token.content().isEmpty())
            .sorted(Comparator.comparingInt((AddedToken token) -> -token.content().length()))
            .toList();
    for (int rank = 0; rank < json.merges().size(); rank++) {
      ranks.put(json.merges().get(rank), rank);
    }
    addSplits(json.preTokenizer());
  }

  private void addSplits(JsonNode step) {
    step.path("pretokenizers").forEach(this::addSplits);
    String type = step.path("type").asString("");
    if (type.equals("Split")) {
      splits.add(pattern(step.path("pattern").path("Regex").asString("(?!)")));
    } else if (type.equals("ByteLevel") && step.path("use_regex").asBoolean(true)) {
      splits.add(pattern(GPT2));
    }
  }

  private static Pattern pattern(String regex) {
    if (regex.length() > LONGEST_RULE) {
      throw new IllegalArgumentException(
          "a splitting rule of %d characters".formatted(regex.length()));
    }
    return Pattern.compile(regex, Pattern.UNICODE_CHARACTER_CLASS);
  }

  /**
   * The ids of a text, with whatever the post-processor puts around them.
   *
   * @throws IllegalArgumentException if a splitting rule takes for ever
   */
  List<Integer> encode(String text) {
    List<Integer> ids = new ArrayList<>();
    int start = 0;
    for (int at = 0; at < text.length(); at++) {
      for (AddedToken token : added) {
        if (text.startsWith(token.content(), at)) {
          encodePlain(text.substring(start, at), ids);
          ids.add(token.id());
          start = at + token.content().length();
          at = start - 1;
          break;
        }
      }
    }
    encodePlain(text.substring(start), ids);
    return surround(ids);
  }

  private List<Integer> surround(List<Integer> ids) {
    Map<String, Integer> special = new HashMap<>();
    json.addedTokens().forEach(token -> special.putIfAbsent(token.content(), token.id()));
    List<Integer> result = new ArrayList<>();
    JsonNode single = json.postProcessor().path("single");
    for (JsonNode piece : single) {
      if (piece.has("Sequence")) {
        result.addAll(ids);
      }
      Integer id = special.get(piece.path("SpecialToken").path("id").asString(""));
      if (id != null) {
        result.add(id);
      }
    }
    return single.isEmpty() ? ids : result;
  }

  private void encodePlain(String text, List<Integer> ids) {
    List<String> words = List.of(text);
    for (Pattern split : splits) {
      words = words.stream().flatMap(word -> split(word, split).stream()).toList();
    }
    for (String word : words) {
      encodeWord(word, ids);
    }
  }

  /** Matches and what lies between them, each on its own. */
  private static List<String> split(String text, Pattern pattern) {
    List<String> words = new ArrayList<>();
    Matcher matcher = pattern.matcher(new Patience(text));
    int end = 0;
    while (matcher.find()) {
      if (matcher.start() > end) {
        words.add(text.substring(end, matcher.start()));
      }
      if (matcher.end() > matcher.start()) {
        words.add(matcher.group());
      }
      end = matcher.end();
    }
    if (end < text.length()) {
      words.add(text.substring(end));
    }
    return words;
  }

  /** A text that a matcher may not look at for ever. */
  private static final class Patience implements CharSequence {
    private final String text;
    private int steps;

    Patience(String text) {
      this.text = text;
    }

    @Override
    public char charAt(int at) {
      if (++steps > MOST_STEPS) {
        throw new IllegalArgumentException("a splitting rule that takes for ever");
      }
      return text.charAt(at);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }

  private void encodeWord(String word, List<Integer> ids) {
    String spelled = spell(word.getBytes(StandardCharsets.UTF_8));
    Integer whole = json.ignoresMerges() ? json.vocabulary().get(spelled) : null;
    if (whole != null) {
      ids.add(whole);
      return;
    }
    List<String> parts = new ArrayList<>(List.of(spelled.split("")));
    while (parts.size() > 1) {
      int best = -1;
      int bestRank = Integer.MAX_VALUE;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int rank = ranks.getOrDefault(parts.get(i) + " " + parts.get(i + 1), Integer.MAX_VALUE);
        if (rank < bestRank) {
          best = i;
          bestRank = rank;
        }
      }
      if (best < 0) {
        break;
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
    for (String part : parts) {
      Integer id = json.vocabulary().get(part);
      if (id != null) {
        ids.add(id);
      }
    }
  }

  /** Bytes as they are spelled in a vocabulary, a character each. */
  static String spell(byte[] bytes) {
    StringBuilder spelled = new StringBuilder();
    for (byte b : bytes) {
      spelled.append(SYMBOLS[b & 0xFF]);
    }
    return spelled.toString();
  }

  /**
   * GPT-2's printable character for each byte: itself where it prints, else the next from U+0100
   * on.
   */
  private static String[] symbols() {
    String[] symbols = new String[256];
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean prints = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      symbols[b] = Character.toString(prints ? b : next++);
    }
    return symbols;
  }
}
