package dev.phial.targets.gguf;

import dev.phial.io.LittleEndian;
import dev.phial.source.GgufType;
import dev.phial.source.GgufValue;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The tokens of a model as llama.cpp wants them.
 *
 * @param model {@code llama} for SentencePiece, {@code gpt2} for byte-pair encoding
 * @param pre llama.cpp's name for the way text is split before merging
 * @param types {@code [tokens]}, numbers of {@link TokenType}
 * @param scores {@code [tokens]}, of SentencePiece only
 */
record Vocabulary(
    String model,
    String pre,
    String[] tokens,
    int[] types,
    Optional<float[]> scores,
    List<String> merges) {

  /** In the order of their numbers, which start at 1; those of SentencePiece. */
  enum TokenType {
    NORMAL,
    UNKNOWN,
    CONTROL,
    USER_DEFINED,
    UNUSED,
    BYTE;

    int id() {
      return ordinal() + 1;
    }
  }

  Map<String, GgufValue> metadata() {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    values.put("tokenizer.ggml.model", new GgufValue.Text(model));
    values.put("tokenizer.ggml.pre", new GgufValue.Text(pre));
    values.put("tokenizer.ggml.tokens", new GgufValue.Texts(Arrays.asList(tokens)));
    scores.ifPresent(s -> values.put("tokenizer.ggml.scores", floats(s)));
    values.put("tokenizer.ggml.token_type", ints(types));
    if (!merges.isEmpty()) {
      values.put("tokenizer.ggml.merges", new GgufValue.Texts(merges));
    }
    return values;
  }

  private static GgufValue floats(float[] values) {
    return new GgufValue.Numbers(GgufType.FLOAT32, LittleEndian.floats(values));
  }

  private static GgufValue ints(int[] values) {
    byte[] bytes = new byte[values.length * Integer.BYTES];
    for (int i = 0; i < values.length; i++) {
      LittleEndian.putInt(bytes, i * Integer.BYTES, values[i]);
    }
    return new GgufValue.Numbers(GgufType.INT32, bytes);
  }
}
