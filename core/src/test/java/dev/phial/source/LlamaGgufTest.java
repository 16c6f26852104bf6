package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** GGUF files of llama.cpp's llama that hold a Phi: what Unsloth publishes of Phi-4. */
final class LlamaGgufTest {
  private static final int F32 = 0;
  private static final int HEAD = 4;

  @TempDir Path folder;

  private final List<byte[]> tensors = new ArrayList<>();
  private final List<Object> data = new ArrayList<>();
  private long offset;

  /** A matrix whose rows count from {@code first}. */
  private void add(String name, int rows, float first) {
    tensors.add(GgufTest.tensor(name, F32, offset, 2 * HEAD, rows));
    int bytes = rows * 2 * HEAD * Float.BYTES;
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < 2 * HEAD; column++) {
        data.add(first + row);
      }
    }
    offset += bytes;
  }

  private void addVector(String name) {
    tensors.add(GgufTest.tensor(name, F32, offset, 2 * HEAD));
    for (int column = 0; column < 2 * HEAD; column++) {
      data.add(1f);
    }
    offset += 2 * HEAD * Float.BYTES;
  }

  private static byte[] number(String key, int value) {
    return GgufTest.pair("llama." + key, GgufType.UINT32, value);
  }

  /**
   * Two heads of four for queries, one for keys and values, as {@code LlamaModel.permute} has them.
   */
  private Path write(String token, int rotated) throws IOException {
    add("token_embd.weight", 8, 0);
    addVector("blk.0.attn_norm.weight");
    add("blk.0.attn_q.weight", 2 * HEAD, 10);
    add("blk.0.attn_k.weight", HEAD, 20);
    add("blk.0.attn_v.weight", HEAD, 30);
    add("blk.0.attn_output.weight", 2 * HEAD, 0);
    addVector("blk.0.ffn_norm.weight");
    add("blk.0.ffn_up.weight", 8, 50);
    add("blk.0.ffn_gate.weight", 8, 40);
    add("blk.0.ffn_down.weight", 8, 0);
    addVector("output_norm.weight");
    byte[] file =
        GgufTest.file(
            List.of(
                GgufTest.pair(
                    "general.architecture", GgufType.STRING, (Object) GgufTest.text("llama")),
                number("block_count", 1),
                number("context_length", 64),
                number("embedding_length", 2 * HEAD),
                number("feed_forward_length", 8),
                number("attention.head_count", 2),
                number("attention.head_count_kv", 1),
                number("attention.key_length", HEAD),
                number("rope.dimension_count", rotated),
                number("vocab_size", 8),
                GgufTest.pair(
                    "tokenizer.ggml.tokens",
                    GgufType.ARRAY,
                    GgufType.STRING.id(),
                    1L,
                    GgufTest.text(token))),
            tensors,
            data.toArray());
    return Files.write(folder.resolve("x.gguf"), file);
  }

  private static List<Float> firstColumn(ModelDescription model, Role role) {
    Weight weight =
        model.weights().stream().filter(w -> w.role() == role).findFirst().orElseThrow();
    int columns = (int) weight.shape().columns();
    float[] values = new float[(int) weight.shape().elements()];
    weight.read(0, (int) weight.shape().rows(), values);
    List<Float> column = new ArrayList<>();
    for (int i = 0; i < values.length; i += columns) {
      column.add(values[i]);
    }
    return column;
  }

  @Test
  void readsItAsThePhi3ThatItWas() throws IOException {
    try (Checkpoint checkpoint = Sources.open(write("<|im_sep|>", HEAD))) {
      assertThat(checkpoint.notes()).singleElement().asString().contains("it is read as a Phi-3");
      assertThat(checkpoint.gguf().orElseThrow().metadata().keySet())
          .contains("phi3.block_count")
          .noneMatch(key -> key.startsWith("llama."));
      ModelDescription model = Families.describe(checkpoint);
      assertThat(model.family().name()).isEqualTo("phi3");
      assertThat(firstColumn(model, Role.ATTENTION_QKV))
          .containsExactly(
              10f, 12f, 11f, 13f, 14f, 16f, 15f, 17f, 20f, 22f, 21f, 23f, 30f, 31f, 32f, 33f);
      assertThat(firstColumn(model, Role.FFN_GATE_UP))
          .containsExactly(
              40f, 41f, 42f, 43f, 44f, 45f, 46f, 47f, 50f, 51f, 52f, 53f, 54f, 55f, 56f, 57f);
    }
  }

  @Test
  void refusesOtherLlamas() throws IOException {
    Path file = write("<|eot_id|>", HEAD);
    try (Checkpoint checkpoint = Sources.open(file)) {
      assertThatThrownBy(() -> Families.describe(checkpoint))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining("found llama");
    }
  }

  @Test
  void refusesWhatAPhi3CannotBe() throws IOException {
    Path file = write("<|im_sep|>", 2);
    Refused.asUnsupported(
        file,
        "expected a llama that is a rewritten Phi-3, with heads of 4 that rotate whole, found 2 in metadata llama.rope.dimension_count",
        () -> Sources.open(file).close());
  }
}
