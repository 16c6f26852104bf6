package dev.phial.model;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

/** Tensors and a configuration that do not belong together are refused. */
final class DescriberTest {
  private static final String NORM = "model.norm.weight";
  private static final String QKV = "model.layers.1.self_attn.qkv_proj.weight";
  private static final String EXPERT = "model.layers.1.block_sparse_moe.experts.2.w3.weight";

  @TempDir Path folder;

  static Stream<Arguments> phi3() {
    return Stream.of(
        tensors("expected a tensor " + NORM + ", found none", t -> t.tensors().remove(NORM)),
        tensors("expected a tensor " + QKV + ", found none", t -> t.tensors().remove(QKV)),
        tensors(QKV + ": expected shape", t -> t.tensors().put(QKV, List.of(512L, 255L))),
        tensors(QKV + ": expected shape", t -> t.tensors().put(QKV, List.of(4L))),
        tensors("tensor extra: ", t -> t.tensors().put("extra", List.of(4L))),
        tensors("has no place in it", t -> t.tensors().put("x.lora_A.weight", List.of(4L))),
        tensors("expected 2 layers", t -> another(t, QKV, QKV.replace("1", "2"))),
        tensors("has no place in it", t -> another(t, QKV, QKV.replace("1", "99999999"))),
        tensors("expected it once", t -> another(t, QKV, QKV.replace("1", "01"))),
        tensors("expected it once", t -> another(t, QKV, QKV.replace(".weight", ""))),
        config("layers.2.input_layernorm", c -> c.put("num_hidden_layers", 3)),
        config("expected the size of a model", c -> c.put("num_hidden_layers", 1 << 30)),
        config("share the width evenly, or head_dim", c -> c.put("num_attention_heads", 3)),
        config("rope factors", c -> c.put("head_dim", 8)),
        config("expected the size of a model", c -> wide(c, 1 << 30)),
        config("share the heads evenly", c -> c.put("num_key_value_heads", 3)),
        config("num_key_value_heads", c -> c.put("num_key_value_heads", 0)),
        config("hidden_size", c -> c.put("hidden_size", "x")),
        config("expected shape", c -> c.put("intermediate_size", 1 << 30)),
        config("partial_rotary_factor", c -> c.put("partial_rotary_factor", -1)),
        config("partial_rotary_factor", c -> c.put("partial_rotary_factor", 1.5)),
        config("rope factors", c -> c.put("partial_rotary_factor", 0.5)),
        config("rope_theta", c -> c.put("rope_theta", 0)),
        config("found linear", c -> c.putObject("rope_scaling").put("type", "linear")),
        config("found LlamaForCausalLM", c -> architecture(c, "LlamaForCausalLM")),
        config("no edge runtime can run", c -> architecture(c, "Phi4FlashForCausalLM")),
        config("found \\u{1b}[2J", c -> architecture(c, "\33[2J")),
        config("found none", c -> c.put("model_type", "").putArray("architectures")),
        config("rope base above 0", c -> c.put("rms_norm_eps", -1)));
  }

  static Stream<Arguments> phimoe() {
    return Stream.of(
        tensors("expected a tensor ", t -> t.tensors().remove(EXPERT)),
        tensors(EXPERT + ": expected shape", t -> t.tensors().put(EXPERT, List.of(512L, 255L))),
        tensors("4 experts", t -> another(t, EXPERT, EXPERT.replace("2.w3", "4.w3"))),
        tensors("expected it once", t -> another(t, EXPERT, EXPERT.replace("2.w3", "02.w3"))),
        tensors("has no place in it", t -> another(t, EXPERT, EXPERT.replace("w3", "w4"))),
        config("gate.weight: expected shape", c -> c.put("num_local_experts", 5)),
        config("expected the size of a model", c -> c.put("num_local_experts", 1 << 20)));
  }

  private static Arguments tensors(String found, Consumer<TinyCheckpoint> harm) {
    return Arguments.of(found, harm);
  }

  private static Arguments config(String found, Consumer<ObjectNode> harm) {
    Consumer<TinyCheckpoint> checkpoint = tiny -> harm.accept(tiny.config());
    return Arguments.of(found, checkpoint);
  }

  private static void another(TinyCheckpoint tiny, String tensor, String name) {
    tiny.tensors().put(name, Objects.requireNonNull(tiny.tensors().get(tensor)));
  }

  private static void wide(ObjectNode config, int headSize) {
    config.put("head_dim", headSize).remove(List.of("rope_scaling", "rope_parameters"));
  }

  private static void architecture(ObjectNode config, String name) {
    config.putArray("architectures").add(name);
  }

  @ParameterizedTest
  @MethodSource("phi3")
  void refusesDenseModels(String found, Consumer<TinyCheckpoint> harm) {
    refuses(new Phi3(), found, harm);
  }

  @ParameterizedTest
  @MethodSource("phimoe")
  void refusesMixtures(String found, Consumer<TinyCheckpoint> harm) {
    refuses(new PhiMoe(), found, harm);
  }

  private void refuses(Family family, String found, Consumer<TinyCheckpoint> harm) {
    TinyCheckpoint tiny = TinyCheckpoint.of(family, folder);
    harm.accept(tiny);
    assertThatThrownBy(
            () -> {
              try (Checkpoint checkpoint = tiny.open()) {
                Families.describe(checkpoint);
              }
            })
        .isInstanceOfAny(PhialException.BadInput.class, PhialException.Unsupported.class)
        .hasMessageContaining(tiny.folder().toString())
        .hasMessageContaining(found);
  }
}
