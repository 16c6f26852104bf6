package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A Phi-3, 3.5 or 4 in a GGUF file for llama.cpp's {@code llama}, which rewritten checkpoints
 * become. Its projections are apart, and the rows of queries and keys lie as that architecture
 * rotates them: pairs of neighbours, not halves of a head ({@code LlamaModel.permute}). Put back,
 * it is a Phi-3.
 */
final class LlamaGguf {
  private static final String LLAMA = "llama";
  private static final String PHI3 = "phi3";

  /** A head is two slices of its matrix; the largest Phi has 40. */
  private static final int MOST_HEADS = 1024;

  /** Keys of this architecture alone, which follow from others. */
  private static final Set<String> NEEDLESS =
      Set.of("llama.vocab_size", "llama.attention.key_length", "llama.attention.value_length");

  /** The parts of a projection, and what it is called as a whole. */
  private static final Map<String, List<String>> PARTS =
      Map.of(
          "attn_qkv",
          List.of("attn_q", "attn_k", "attn_v"),
          "ffn_up",
          List.of("ffn_gate", "ffn_up"));

  private final Gguf gguf;
  private final int heads;
  private final int keyValueHeads;
  private final int headSize;

  private LlamaGguf(Gguf gguf) {
    this.gguf = gguf;
    this.heads = count("attention.head_count");
    this.keyValueHeads = count(gguf, "attention.head_count_kv", heads);
    this.headSize = count("embedding_length") / heads;
  }

  /** Whether it is a llama, and with the sizes or the tokens of a Phi. */
  static boolean isIn(Gguf gguf) {
    if (!gguf.text("general.architecture").orElse("").equals(LLAMA)
        || !gguf.tensors().containsKey("blk.0.attn_q.weight")) {
      return false;
    }
    int heads = count(gguf, "attention.head_count", 0);
    PhiLikeness sizes =
        new PhiLikeness(
            count(gguf, "embedding_length", 0),
            count(gguf, "block_count", 0),
            heads,
            count(gguf, "attention.head_count_kv", heads),
            count(gguf, "feed_forward_length", 0));
    return sizes.isPhi(
        gguf.metadata().get("tokenizer.ggml.tokens") instanceof GgufValue.Texts texts
            ? Set.copyOf(texts.values())
            : Set.of());
  }

  static String note(Gguf gguf) {
    return gguf.path()
        + ": a llama whose decoder is Phi-3's with its projections taken apart; it is read as a Phi-3";
  }

  /**
   * The file as its Phi-3.
   *
   * @throws dev.phial.PhialException.Unsupported if it is more than a Phi-3 can be
   */
  static Gguf asPhi3(Gguf gguf) {
    return new LlamaGguf(gguf).asPhi3();
  }

  private Gguf asPhi3() {
    check();
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    gguf.metadata()
        .forEach((key, value) -> {
          if (!NEEDLESS.contains(key)) {
            metadata.put(key.replaceFirst("^llama\\.", PHI3 + "."), value);
          }
        });
    metadata.put("general.architecture", new GgufValue.Text(PHI3));
    return gguf.with(metadata, tensors());
  }

  private void check() {
    if (heads > MOST_HEADS || keyValueHeads > heads) {
      throw Refusal.bad(
          gguf.path(),
          "expected at most %d heads, and no more for keys and values, found %d and %d",
          MOST_HEADS,
          heads,
          keyValueHeads);
    }
    for (String key : List.of("attention.key_length", "rope.dimension_count")) {
      if (count(gguf, key, headSize) != headSize || headSize < 2 || headSize % 2 != 0) {
        throw Refusal.unsupported(
            gguf.path(),
            "expected a llama that is a rewritten Phi-3, with heads of %d that rotate whole, found %d in metadata llama.%s",
            headSize,
            count(gguf, key, headSize),
            key);
      }
    }
  }

  private Map<String, Tensor> tensors() {
    Map<String, Tensor> result = new LinkedHashMap<>();
    gguf.tensors()
        .forEach((name, tensor) -> {
          String[] words = name.split("\\.", -1); // blk.3.attn_q.weight
          String stem = words.length == 4 && words[3].equals("weight") ? words[2] : "";
          if (PARTS.values().stream().noneMatch(parts -> parts.contains(stem))) {
            result.put(name, tensor);
          }
          PARTS.forEach((whole, parts) -> {
            if (parts.getFirst().equals(stem)) {
              String wholeName = name.replace("." + stem + ".", "." + whole + ".");
              result.put(wholeName, whole(wholeName, name, stem, parts));
            }
          });
        });
    return result;
  }

  private Tensor whole(String wholeName, String name, String stem, List<String> parts) {
    List<Tensor> rows = new ArrayList<>();
    for (String part : parts) {
      String partName = name.replace("." + stem + ".", "." + part + ".");
      Tensor tensor = gguf.tensors().get(partName);
      Tensor first = gguf.tensors().get(name);
      if (tensor == null || first == null) {
        throw Refusal.bad(
            gguf.path(), "expected a tensor %s beside %s, found none", partName, name);
      }
      if (tensor.shape().rank() != 2 || tensor.shape().columns() != first.shape().columns()) {
        throw Refusal.bad(
            gguf.path(),
            "tensor %s: expected a matrix with the columns of %s, found %s",
            partName,
            name,
            tensor.shape());
      }
      switch (part) {
        case "attn_q" -> rows.addAll(halves(tensor, heads));
        case "attn_k" -> rows.addAll(halves(tensor, keyValueHeads));
        default -> rows.add(tensor);
      }
    }
    return Tensor.stack(wholeName, rows);
  }

  /** The rows of each head, first those at even places, then those at odd ones. */
  private List<Tensor> halves(Tensor tensor, int number) {
    if (tensor.shape().rows() != (long) number * headSize) {
      throw Refusal.bad(
          gguf.path(),
          "tensor %s: expected %d heads of %d rows, which is what the metadata says, found %s",
          tensor.name(),
          number,
          headSize,
          tensor.shape());
    }
    List<Tensor> halves = new ArrayList<>();
    for (long head = 0; head < number; head++) {
      long first = head * headSize;
      halves.add(tensor.every(tensor.name(), first, 2, headSize / 2));
      halves.add(tensor.every(tensor.name(), first + 1, 2, headSize / 2));
    }
    return halves;
  }

  private int count(String key) {
    int value = count(gguf, key, 0);
    if (value < 1) {
      throw Refusal.bad(
          gguf.path(),
          "expected a whole number of at least 1 in metadata llama.%s, found %s",
          key,
          String.valueOf(gguf.metadata().get(LLAMA + "." + key)));
    }
    return value;
  }

  private static int count(Gguf gguf, String key, int otherwise) {
    long value = gguf.whole(LLAMA + "." + key).orElse(otherwise);
    return value > 0 && value <= 1 << 24 ? (int) value : otherwise;
  }
}
