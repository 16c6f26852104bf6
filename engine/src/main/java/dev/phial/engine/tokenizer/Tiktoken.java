package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A {@code .tiktoken} file, as Phi-3-small has: lines of a token's bytes in base 64 and its rank,
 * which is its id. Merges are every way to put a token together from two of lower rank, lower ranks
 * first, as transformers' {@code TikTokenConverter} has them.
 */
final class Tiktoken {
  /** What Phi-3-small's own tokenizer code adds to cl100k_base, which no file of it says. */
  private static final Map<String, Integer> PHI_3_SMALL =
      Map.of(
          "<|endoftext|>", 100257,
          "<|fim_prefix|>", 100258,
          "<|fim_middle|>", 100259,
          "<|fim_suffix|>", 100260,
          "<|system|>", 100261,
          "<|user|>", 100262,
          "<|assistant|>", 100263,
          "<|end|>", 100266);

  /** The first id after those of cl100k_base. */
  private static final int CL100K_SIZE = 100256;

  private record Merge(String left, String right, int rank) {}

  private Tiktoken() {}

  /**
   * @throws PhialException.BadInput if a line is not a token and its rank
   */
  static Definition read(Path file) {
    Map<String, Integer> ranks = new HashMap<>(); // by bytes, one character each
    Limits limits = new Limits(file);
    for (String line : TokenizerFile.text(file).lines().toList()) {
      if (!line.isBlank()) {
        addLine(file, line, ranks, limits);
      }
    }
    String[] symbols = symbols();
    ObjectNode vocabulary = JsonNodeFactory.instance.objectNode();
    List<Merge> merges = new ArrayList<>();
    ranks.forEach((token, rank) -> {
      vocabulary.put(spell(token, symbols), rank);
      addMerges(token, rank, ranks, merges);
    });
    merges.sort(
        Comparator.comparingInt(Merge::rank)
            .thenComparingInt(merge -> ranks.getOrDefault(merge.left, 0)));
    ArrayNode pairs = JsonNodeFactory.instance.arrayNode();
    merges.forEach(
        merge -> pairs.addArray().add(spell(merge.left, symbols)).add(spell(merge.right, symbols)));
    List<AddedToken> added = new ArrayList<>();
    if (ranks.size() == CL100K_SIZE) {
      PHI_3_SMALL.forEach((content, id) -> added.add(AddedToken.of(id, content, true)));
    }
    return new Definition(
        Steps.none(),
        Splitting.named(file, "dbrx"),
        Steps.byteLevel(false),
        new Definition.Merging(Optional.empty(), false, false, true),
        Definition.MAPPER.writeValueAsString(vocabulary),
        Definition.MAPPER.writeValueAsString(pairs),
        added);
  }

  private static void addLine(Path file, String line, Map<String, Integer> ranks, Limits limits) {
    int blank = line.indexOf(' ');
    try {
      if (blank > 0 && blank <= Limits.LONGEST_TOKEN) {
        byte[] bytes = Base64.getDecoder().decode(line.substring(0, blank));
        int rank = Integer.parseInt(line.substring(blank + 1).strip());
        if (bytes.length > 0 && rank >= 0) {
          ranks.put(new String(bytes, StandardCharsets.ISO_8859_1), limits.id(rank));
          limits.count("tokens", ranks.size());
          limits.cut(bytes.length);
          return;
        }
      }
    } catch (IllegalArgumentException e) {
      // said below
    }
    throw new PhialException.BadInput(
        "%s: expected lines of a token in base 64 and its rank, found another; is the file damaged?"
            .formatted(file));
  }

  private static void addMerges(
      String token, int rank, Map<String, Integer> ranks, List<Merge> merges) {
    for (int at = 1; at < token.length(); at++) {
      String left = token.substring(0, at);
      String right = token.substring(at);
      if (ranks.containsKey(left) && ranks.containsKey(right)) {
        merges.add(new Merge(left, right, rank));
      }
    }
  }

  private static String spell(String bytes, String[] symbols) {
    StringBuilder text = new StringBuilder();
    bytes.chars().forEach(b -> text.append(symbols[b]));
    return text.toString();
  }

  /** GPT-2's printable character for each byte: itself where it prints, else from U+0100 on. */
  private static String[] symbols() {
    String[] symbols = new String[256];
    int next = 256;
    for (int b = 0; b < symbols.length; b++) {
      boolean prints = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      symbols[b] = Character.toString(prints ? b : next++);
    }
    return symbols;
  }
}
