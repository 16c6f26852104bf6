package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters that are not what they should be. What they compute is the engine's to test. */
final class AdapterTest {
  private static final String LAYER = "base_model.model.model.layers.0.";
  private static final String CONFIG =
      "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,\"init_lora_weights\":true}";

  @TempDir Path folder;

  private final Map<String, List<Integer>> tensors = new LinkedHashMap<>();

  /** An adapter to the projection of attention of tiny-phi3, 768 × 256. */
  private void pair(String module, int rows, int rank, int columns) {
    tensors.put(LAYER + module + ".lora_A.weight", List.of(rank, columns));
    tensors.put(LAYER + module + ".lora_B.weight", List.of(rows, rank));
  }

  private void save(String config) {
    StringBuilder header = new StringBuilder("{");
    int offset = 0;
    for (Map.Entry<String, List<Integer>> tensor : tensors.entrySet()) {
      int end = offset + 4 * tensor.getValue().stream().reduce(1, (a, b) -> a * b);
      header
          .append(offset > 0 ? "," : "")
          .append(
              "\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(tensor.getKey(), tensor.getValue(), offset, end));
      offset = end;
    }
    try {
      Files.writeString(folder.resolve("adapter_config.json"), config);
      Files.write(
          folder.resolve("adapter_model.safetensors"),
          SafetensorsTest.file(header.append("}").toString(), new byte[offset]));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void refused(String message) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model("tiny-phi3"))) {
      assertThatThrownBy(() -> checkpoint.adapted(folder, 1))
          .isInstanceOf(PhialException.class)
          .hasMessageStartingWith(folder.toString())
          .hasMessageContaining(message);
    }
  }

  @Test
  void changesNumbersAndKeepsTheirType() {
    pair("self_attn.qkv_proj", 768, 2, 256);
    save(CONFIG);
    try (Checkpoint plain = Sources.open(Fixtures.model("tiny-phi3"))) {
      Checkpoint checkpoint = plain.adapted(folder, 1);
      String name = "model.layers.0.self_attn.qkv_proj.weight";
      assertThat(Tensors.get(checkpoint.tensors(), name).encoding())
          .isEqualTo(Tensors.get(plain.tensors(), name).encoding());
      assertThat(Tensors.get(checkpoint.tensors(), name).isPlain()).isFalse();
      assertThat(Tensors.values(checkpoint.tensors(), name))
          .isEqualTo(Tensors.values(plain.tensors(), name)); // the adapter is zeros
      assertThat(checkpoint.files()).isEqualTo(plain.files());
      assertThat(checkpoint.adapters().getFirst().files()).hasSize(2);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "self_attn.qkv_proj, 512, 2, 256, expected a change to 768 × 256 numbers",
    "self_attn.qkv_proj, 768, 2, 512, found one to 768 × 512",
    "self_attn.q_proj, 768, 2, 256, expected a change to 256 × 256 numbers",
    "mlp.up_proj, 512, 2, 256, expected a change to 1024 × 256 numbers",
    "self_attn.qkv_proj, 768, 3, 256, expected matrices of rank 2",
    "self_attn.query, 768, 2, 256, found none of that name",
    "cross_attn.q_proj, 256, 2, 256, found none of that name"
  })
  void refusesAdaptersOfOtherModels(String module, int rows, int rank, int columns, String text) {
    pair(module, rows, rank, columns);
    save(CONFIG);
    refused(text);
  }

  @Test
  void refusesHalves() {
    pair("self_attn.qkv_proj", 768, 2, 256);
    tensors.remove(LAYER + "self_attn.qkv_proj.lora_B.weight");
    save(CONFIG);
    refused("found lora_A alone");
  }

  @Test
  void refusesTwoAdaptersInOne() {
    pair("self_attn.qkv_proj", 768, 2, 256);
    tensors.put(LAYER + "self_attn.qkv_proj.lora_A.other.weight", List.of(2, 256));
    save(CONFIG);
    refused("found parts of another");
  }

  @Test
  void refusesPartsThatCannotBeAdded() {
    pair("self_attn.qkv_proj", 768, 2, 256);
    tensors.put(LAYER + "self_attn.qkv_proj.lora_B.bias", List.of(768));
    save(CONFIG);
    refused("found another part of one");
  }

  @Test
  void refusesLengthsThatNobodyAnnounced() {
    pair("self_attn.qkv_proj", 768, 2, 256);
    tensors.put(LAYER + "self_attn.qkv_proj.lora_magnitude_vector", List.of(768));
    save(CONFIG);
    refused("expected a lora_magnitude_vector where use_dora says so");
  }

  @Test
  void refusesNothing() {
    save(CONFIG);
    refused("expected the matrices of an adapter, found none");
  }

  @Test
  void refusesAnExtendedVocabulary() {
    tensors.put("base_model.model.lm_head.weight", List.of(2065, 256));
    save(CONFIG);
    refused("expected shape [2064, 256], as the model has it, found [2065, 256]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"peft_type\":\"LOHA\"}",
        "{\"r\":2}",
        "{\"peft_type\":\"LORA\",\"r\":2,\"lora_bias\":true}",
        "{\"peft_type\":\"LORA\",\"r\":2,\"layer_replication\":[[0,4]]}",
        "{\"peft_type\":\"LORA\",\"r\":2,\"init_lora_weights\":\"pissa\"}",
        "{\"peft_type\":\"LORA\",\"r\":2,\"rank_pattern\":{\"(a+)+b\":2}}"
      })
  void refusesOtherMethodsByName(String config) {
    pair("self_attn.qkv_proj", 768, 2, 256);
    save(config);
    refused("peft"); // which can make of it what is read
  }

  @Test
  void refusesRanksThatWouldFillTheMemory() {
    pair("self_attn.qkv_proj", 768, 5000, 256);
    save("{\"peft_type\":\"LORA\",\"r\":5000}");
    refused("of at most 4,096".replace(",", ""));
  }

  @Test
  void refusesFoldersWithoutOne() {
    refused("expected the folder of an adapter, which has an adapter_config.json");
  }

  /** The checkpoint of Phi-4-multimodal as it was published holds two. */
  @Test
  void addsTheOneThatIsNamedOfThoseInACheckpoint() throws IOException {
    String module = "model.layers.0.self_attn.o_proj.";
    ByteBuffer data = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : new float[] {1, 2, 3, 4, 10, 20, 100, 200, 0, 0, 0, 0}) {
      data.putFloat(value);
    }
    String header =
        ("{'%1$sbase_layer.weight':{'dtype':'F32','shape':[2,2],'data_offsets':[0,16]},"
                + "'%1$slora_A.vision.weight':{'dtype':'F32','shape':[1,2],'data_offsets':[16,24]},"
                + "'%1$slora_B.vision.weight':{'dtype':'F32','shape':[2,1],'data_offsets':[24,32]},"
                + "'%1$slora_A.speech.weight':{'dtype':'F32','shape':[1,2],'data_offsets':[32,40]},"
                + "'%1$slora_B.speech.weight':{'dtype':'F32','shape':[2,1],'data_offsets':[40,48]}}")
            .formatted(module)
            .replace('\'', '"');
    Files.write(folder.resolve("model.safetensors"), SafetensorsTest.file(header, data.array()));
    Files.writeString(
        folder.resolve("config.json"), "{\"vision_lora\":{\"r\":1,\"lora_alpha\":2}}");
    try (Checkpoint checkpoint = Sources.open(folder)) {
      assertThat(checkpoint.hasAdapter("vision")).isTrue();
      assertThat(checkpoint.hasAdapter("sound")).isFalse();
      String name = module + "base_layer.weight";
      assertThat(Tensors.values(checkpoint.adapted("vision").tensors(), name))
          .containsExactly(2001, 4002, 4003, 8004);
      assertThatThrownBy(() -> checkpoint.adapted("speech"))
          .hasMessageContaining("expected an object speech_lora");
    }
  }

  @Test
  void refusesModelsThatCameWithNone() {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model("tiny-phi3"))) {
      assertThatThrownBy(() -> checkpoint.adapted("vision"))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining("expected a model that comes with an adapter for vision");
    }
  }
}
