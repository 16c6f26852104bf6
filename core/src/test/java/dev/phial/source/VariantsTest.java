package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.model.Families;
import dev.phial.model.LongRope;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Folders as tools and users leave them: rewritten, with leftovers, in the layout of the past. */
final class VariantsTest {
  private static final String POINTER =
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 15524095\n";

  @TempDir Path parent;
  private Path folder = Path.of("");

  @BeforeEach
  void copyModel() throws IOException {
    folder = copy("tiny-phi3");
  }

  private Path copy(String model) throws IOException {
    Path to = Files.createDirectory(parent.resolve("copy-of-" + model));
    try (Stream<Path> files = Files.list(Fixtures.model(model))) {
      for (Path file : files.toList()) {
        Files.write(to.resolve(file.getFileName()), Files.readAllBytes(file));
      }
    }
    return to;
  }

  private void write(String name, String content) {
    try {
      Files.writeString(folder.resolve(name), content);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private ObjectNode config() {
    return (ObjectNode) Config.read(folder.resolve("config.json")).json().deepCopy();
  }

  private void refused(String message) {
    Assertions.assertThatThrownBy(
            () -> {
              try (Checkpoint checkpoint = Sources.open(folder)) {
                Families.describe(checkpoint);
                checkpoint.folder().orElseThrow().companions();
              }
            })
        .isInstanceOf(PhialException.class)
        .hasMessageContaining(message);
  }

  private List<String> notes() {
    try (Checkpoint checkpoint = Sources.open(folder)) {
      Families.describe(checkpoint);
      return checkpoint.notes();
    }
  }

  /** Writes tensors as one file of F32. */
  private void save(Map<String, float[]> values, Map<String, List<Long>> shapes, String name)
      throws IOException {
    StringBuilder header = new StringBuilder("{");
    long offset = 0;
    for (Map.Entry<String, float[]> tensor : values.entrySet()) {
      long end = offset + 4L * tensor.getValue().length;
      header
          .append(header.length() > 1 ? "," : "")
          .append(
              "\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(tensor.getKey(), shapes.get(tensor.getKey()), offset, end));
      offset = end;
    }
    ByteBuffer data = ByteBuffer.allocate((int) offset).order(ByteOrder.LITTLE_ENDIAN);
    values
        .values()
        .forEach(all -> {
          for (float value : all) {
            data.putFloat(value);
          }
        });
    Files.write(
        folder.resolve(name), SafetensorsTest.file(header.append("}").toString(), data.array()));
  }

  private static float[] values(Tensor tensor) {
    float[] values = new float[(int) tensor.shape().elements()];
    tensor.read(0, (int) tensor.shape().rows(), values, 0);
    return values;
  }

  private static float[] values(Weight weight) {
    float[] values = new float[(int) weight.shape().elements()];
    weight.read(0, (int) weight.shape().rows(), values);
    return values;
  }

  @Test
  void saysNothingOfAnOrdinaryFolder() {
    assertThat(notes()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Llama", "Mistral"})
  void readsPhi3RewrittenAs(String kind) throws IOException {
    Map<String, float[]> values = new LinkedHashMap<>();
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    try (Checkpoint original = Sources.open(folder)) {
      original
          .tensors()
          .forEach((name, tensor) -> {
            if (name.contains("qkv_proj")) {
              split(
                  name, "qkv_proj", List.of("q_proj", "k_proj", "v_proj"), tensor, values, shapes);
            } else if (name.contains("gate_up_proj")) {
              split(name, "gate_up_proj", List.of("gate_proj", "up_proj"), tensor, values, shapes);
            } else {
              values.put(name, values(tensor));
              shapes.put(name, tensor.shape().dimensions());
            }
          });
    }
    save(values, shapes, "model.safetensors");
    ObjectNode config = config();
    config.putArray("architectures").add(kind + "ForCausalLM");
    config.put("model_type", kind.toLowerCase(Locale.ROOT)).put("mlp_bias", false);
    write("config.json", config.toString());
    try (Checkpoint original = Sources.open(Fixtures.model("tiny-phi3"));
        Checkpoint rewritten = Sources.open(folder)) {
      ModelDescription expected = Families.describe(original);
      ModelDescription found = Families.describe(rewritten);
      assertThat(found.family()).isEqualTo(expected.family());
      assertThat(found.hyperparameters()).isEqualTo(expected.hyperparameters());
      Map<String, Weight> byName = new LinkedHashMap<>();
      found.weights().forEach(weight -> byName.put(weight.huggingFaceName(), weight));
      assertThat(byName).hasSameSizeAs(expected.weights());
      for (Weight weight : expected.weights()) {
        Weight same = Objects.requireNonNull(byName.get(weight.huggingFaceName()));

        assertThat(values(same)).isEqualTo(values(weight));
      }
      assertThat(rewritten.folder().orElseThrow().config().text("model_type")).contains("phi3");
      assertThat(rewritten.notes()).singleElement().asString().contains("it is read as a Phi-3");
    }
    for (String name : List.of("tokenizer.json", "tokenizer_config.json", "added_tokens.json")) {
      Files.move(folder.resolve(name), folder.resolve(name + ".away"));
    }
    refused("found a " + kind + "ForCausalLM with neither the sizes of a Phi-3");
    Files.move(folder.resolve("tokenizer.json.away"), folder.resolve("tokenizer.json"));
    config.put("hidden_act", "gelu");
    write("config.json", config.toString());
    refused("expected a Llama or Mistral that is a rewritten Phi-3");
    config.put("hidden_act", "silu").remove("rms_norm_eps");
    write("config.json", config.toString());
    refused("expected a field rms_norm_eps");
  }

  /** Parts of equal size: the model has as many key-value heads as heads. */
  private static void split(
      String name,
      String whole,
      List<String> parts,
      Tensor tensor,
      Map<String, float[]> values,
      Map<String, List<Long>> shapes) {
    float[] all = values(tensor);
    int length = all.length / parts.size();
    for (int i = 0; i < parts.size(); i++) {
      String part = name.replace(whole, parts.get(i));
      values.put(part, Arrays.copyOfRange(all, i * length, (i + 1) * length));
      shapes.put(part, List.of(tensor.shape().rows() / parts.size(), tensor.shape().columns()));
    }
  }

  @Test
  void usesAnOutputMatrixThatDiffersThoughTied() throws IOException {
    ObjectNode config = config();
    config.put("tie_word_embeddings", true);
    write("config.json", config.toString());
    assertThat(notes()).singleElement().asString().contains("lm_head.weight is used");
    try (Checkpoint checkpoint = Sources.open(folder)) {
      assertThat(Families.describe(checkpoint).hyperparameters().tied()).isFalse();
      assertThat(checkpoint.folder().orElseThrow().plainConfig().get("tie_word_embeddings"))
          .hasToString("false");
    }
    Map<String, float[]> values = new LinkedHashMap<>();
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    try (Checkpoint original = Sources.open(folder)) {
      original
          .tensors()
          .forEach((name, tensor) -> {
            values.put(name, values(tensor));
            shapes.put(name, tensor.shape().dimensions());
          });
    }
    values.put("lm_head.weight", values.get("model.embed_tokens.weight"));
    save(values, shapes, "model.safetensors");
    assertThat(notes()).isEmpty();
    try (Checkpoint checkpoint = Sources.open(folder)) {
      assertThat(Families.describe(checkpoint).hyperparameters().tied()).isTrue();
    }
  }

  @Test
  void namesAdapters() throws IOException {
    write("adapter_config.json", "{\"base_model_name_or_path\":\"microsoft/Phi-3-mini\"}");
    assertThat(notes()).singleElement().asString().contains("--lora " + folder);
    Files.delete(folder.resolve("model.safetensors"));
    refused("found an adapter (LoRA) for microsoft/Phi-3-mini alone");
    Files.delete(folder.resolve("config.json"));
    refused("found an adapter (LoRA) for microsoft/Phi-3-mini alone");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tokenizer.json", "tokenizer_config.json", "tokenizer.model", "x.py"})
  void refusesPointersAmongTheFilesThatAreCopied(String name) {
    write(name, POINTER);
    refused(name + ": expected data, found a Git LFS pointer");
  }

  @Test
  void refusesTokenizersThatAreCutOffOrEmpty() throws IOException {
    String whole = Files.readString(folder.resolve("tokenizer.json"));
    write("tokenizer.json", whole.substring(0, whole.length() / 2));
    refused("tokenizer.json: expected JSON");
    write("tokenizer.json", "");
    refused("tokenizer.json: expected JSON");
  }

  @Test
  void readsFullWeightsThatAreSaidToBeQuantized() {
    ObjectNode config = config();
    config.putObject("quantization_config").put("quant_method", "bitsandbytes");
    write("config.json", config.toString());
    assertThat(notes()).singleElement().asString().contains("quantized with bitsandbytes, but");
  }

  @Test
  void takesTheFamilyFromTheModelTypeWhereNoArchitectureIsNamed() {
    ObjectNode config = config();
    config.remove("architectures");
    write("config.json", config.toString());
    assertThat(notes()).isEmpty();
    config.putNull("architectures");
    write("config.json", config.toString());
    assertThat(notes()).isEmpty();
    config.put("model_type", "gpt2");
    write("config.json", config.toString());
    refused("found none");
  }

  @Test
  void namesTheLayoutOfTheFirstUploads() {
    ObjectNode config = config();
    config.put("model_type", "phi-msft");
    write("config.json", config.toString());
    refused("first upload (phi-msft)");
  }

  @Test
  void readsTheSingleFileBesideAnIndexOfOthers() throws IOException {
    write(
        "model.safetensors.index.json",
        "{\"weight_map\":{\"a\":\"model-00001-of-00001.safetensors\"}}");
    assertThat(notes()).singleElement().asString().contains("names shards that are not there");
    Files.copy(
        folder.resolve("model.safetensors"), folder.resolve("model-00001-of-00001.safetensors"));
    assertThat(notes()).singleElement().asString().contains("as transformers does");
  }

  @Test
  void refusesAdaptersInGgufFiles() throws IOException {
    Path file = parent.resolve("lora.gguf");
    Files.write(
        file,
        GgufTest.file(
            List.of(
                GgufTest.pair("general.type", GgufType.STRING, (Object) GgufTest.text("adapter"))),
            List.of()));
    Refused.asUnsupported(
        file, "found general.type adapter; merge the adapter", () -> Sources.open(file).close());
    Files.writeString(file, POINTER);
    Refused.asBad(file, "found a Git LFS pointer", () -> Sources.open(file).close());
  }

  @Test
  void takesTheScaleOfAttentionFromTheConfiguration() throws IOException {
    folder = copy("phi4-mini");
    ObjectNode config = config();
    ((ObjectNode) config.get("rope_scaling")).put("factor", 4.0);
    write("config.json", config.toString());
    // √(1 + ln 4 / ln 256), as transformers 5.23 has it
    assertThat(longScale()).isCloseTo(1.118034, within(1e-6));
    ((ObjectNode) config.get("rope_scaling")).put("attention_factor", 1.5);
    write("config.json", config.toString());
    assertThat(longScale()).isEqualTo(1.5);
    try (Checkpoint checkpoint = Sources.open(folder)) {
      ModelDescription model = Families.describe(checkpoint);
      for (Target target : Targets.ALL) {
        if (List.of("gguf", "mlx").contains(target.name())) { // whose runtimes compute it
          assertThat(target.caveats(model)).anyMatch(text -> text.contains("says 1.5000"));
        }
      }
    }
  }

  @Test
  void tellsOfTokensBeyondTheEmbedding() {
    ObjectNode tokenizer =
        (ObjectNode) Config.read(folder.resolve("tokenizer.json")).json().deepCopy();
    int rows = config().get("vocab_size").intValue();
    ((ArrayNode) tokenizer.get("added_tokens"))
        .addObject()
        .put("id", rows)
        .put("content", "<|my\u001b[2Jtool|>");
    write("tokenizer.json", tokenizer.toString());
    assertThat(notes())
        .singleElement()
        .asString()
        .endsWith(
            "tokenizer.json: token <|my\\u{1b}[2Jtool|> has the id %d, but the embedding has %d rows: a text with it cannot be run; resize the embedding (transformers: resize_token_embeddings), or remove the token"
                .formatted(rows, rows));
  }

  private double longScale() {
    try (Checkpoint checkpoint = Sources.open(folder)) {
      LongRope rope =
          Families.describe(checkpoint).hyperparameters().rope().longRope().orElseThrow();
      assertThat(rope.shortScale()).isEqualTo(rope.longScale());
      return rope.longScale().orElseThrow();
    }
  }
}
