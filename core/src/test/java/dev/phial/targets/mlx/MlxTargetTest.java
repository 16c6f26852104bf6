package dev.phial.targets.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.TinyCheckpoint;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.source.Checkpoint;
import dev.phial.source.Config;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.SafetensorsFile;
import dev.phial.targets.layout.Sink;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

final class MlxTargetTest {
  private static final Path MODELS = Path.of("../fixtures/models");

  @TempDir Path folder;

  /** {@code 4,q-group-size=32} as on the command line. */
  private static MlxSettings settings(String spelled) {
    List<String> words = Arrays.asList(spelled.split(",", -1));
    Map<String, List<String>> options =
        words.stream()
            .skip(1)
            .map(word -> word.split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> List.of(pair[1])));
    return MlxSettings.of(
        Optional.of(words.getFirst()).filter(word -> !word.isEmpty()), new Options(options));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "4; 4",
        "4,q-group-size=32; 4-g32",
        "4,dtype=float16; 4-float16",
        "mxfp8; mxfp8",
        "nvfp4,q-group-size=16; nvfp4-g16",
        "mixed_3_6,q-group-size=128; mixed_3_6-g128",
        "bfloat16; bfloat16",
        "float32,q-bits=3; 3-float32",
        "; unquantized",
        ",dtype=float16; float16",
        ",q-bits=6; 6",
        ",q-group-size=128; 4-g128",
        ",q-mode=affine; 4",
        ",q-mode=mxfp4,q-bits=4; mxfp4",
        ",quant-predicate=mixed_2_6; mixed_2_6"
      })
  void understands(String spelled, String label) {
    assertThat(settings(spelled == null ? "" : spelled).label()).isEqualTo(label);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "7; expected one of 2 3 4 5 6 8 mxfp4 mxfp8 nvfp4",
        "q4; found q4",
        "4,q-group-size=48; --q-group-size: expected one of 32 64 128, found 48",
        "4,q-group-size=16; found 16",
        "mxfp4,q-group-size=64; --q-group-size: expected 32, found 64",
        "nvfp4,q-bits=8; --q-bits: expected 4, found 8",
        ",q-bits=7; --q-bits: expected one of 2 3 4 5 6 8, found 7",
        ",q-mode=int4; --q-mode: expected one of affine mxfp4 mxfp8 nvfp4, found int4",
        ",quant-predicate=mixed_5_6; found mixed_5_6",
        "4,dtype=int8; --dtype: expected one of float32 float16 bfloat16, found int8",
        "4,q-bits=4; mlx:4 says it already",
        "mxfp4,q-mode=mxfp4; mlx:mxfp4 says it already",
        "bfloat16,dtype=float16; mlx:bfloat16 says it already",
        "mixed_2_6,q-bits=4; leave out --q-bits",
        "mixed_2_6,q-mode=mxfp4; leave out --q-mode"
      })
  void refuses(String spelled, String message) {
    assertThatThrownBy(() -> settings(spelled))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining(message);
  }

  private static Layout plan(Checkpoint checkpoint, String precision, Map<String, String> options) {
    Map<String, List<String>> values =
        options.entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, entry -> List.of(entry.getValue())));
    ModelDescription model = Families.describe(checkpoint);
    return new MlxTarget()
        .plan(new Request(checkpoint, model, Optional.of(precision), new Options(values)));
  }

  /** A copy of a model whose config.json can be changed. */
  private Path copy(String model) throws IOException {
    Path copy = Files.createDirectory(folder.resolve(model));
    try (Stream<Path> files = Files.list(MODELS.resolve(model))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }

  private static ObjectNode config(Path model) {
    return (ObjectNode) Config.read(model.resolve("config.json")).json();
  }

  private static void write(Path model, ObjectNode config) throws IOException {
    Files.writeString(model.resolve("config.json"), config.toString());
  }

  @Test
  void planSaysTheSizeToTheByte() throws IOException {
    try (Checkpoint checkpoint = Sources.open(MODELS.resolve("phi35-moe"))) {
      Layout job = plan(checkpoint, "3", Map.of());
      Path output = folder.resolve("out");
      try (Sink sink = job.open(output, false)) {
        Pass.run(List.of(sink), 2, Progress.NONE);
      }
      long bytes = 0;
      try (Stream<Path> files = Files.list(output)) {
        for (Path file : files.toList()) {
          bytes += Files.size(file);
        }
      }
      assertThat(job.plan().bytes()).isEqualTo(bytes);
      assertThat(job.files(output)).allMatch(Files::isRegularFile);
      try (Stream<Path> files = Files.list(output)) {
        assertThat(files).containsExactlyInAnyOrderElementsOf(job.files(output));
      }
    }
  }

  @Test
  void leavesWhatDoesNotDivideIntoGroups() throws IOException {
    // 192 columns divide into groups of 64, not of 128
    try (Checkpoint checkpoint = Sources.open(narrow(192))) {
      List<String> formats =
          plan(checkpoint, "4", Map.of("q-group-size", "128")).plan().tensors().stream()
              .filter(tensor -> tensor.name().contains("mlp"))
              .map(tensor -> tensor.format().name())
              .toList();
      assertThat(formats).containsExactly("BF16", "4bit-g128"); // gate_up_proj, down_proj
      assertThat(plan(checkpoint, "4", Map.of()).plan().formats()).containsKey("4bit-g64");
    }
  }

  @Test
  void refusesWhereNothingDividesIntoGroups() throws IOException {
    try (Checkpoint checkpoint = Sources.open(narrow(96))) {
      assertThatThrownBy(() -> plan(checkpoint, "4", Map.of()))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining("groups of 64");
    }
  }

  /** A Phi-3 of one layer and that width; the feed-forward width is twice or four times that. */
  private Path narrow(int width) throws IOException {
    Path model = Files.createDirectory(folder.resolve("narrow"));
    int inner = width == 192 ? 256 : 2 * width + 16;
    Files.writeString(
        model.resolve("config.json"),
        """
        {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": %d,
         "intermediate_size": %d, "num_hidden_layers": 1, "num_attention_heads": 4, "vocab_size": 8}\
        """
            .formatted(width, inner));
    SafetensorsFile file =
        new SafetensorsFile(
            "model.safetensors",
            "mlx",
            Stream.of(
                    "model.embed_tokens.weight 8 " + width,
                    "model.layers.0.input_layernorm.weight " + width,
                    "model.layers.0.mlp.down_proj.weight " + width + " " + inner,
                    "model.layers.0.mlp.gate_up_proj.weight " + 2 * inner + " " + width,
                    "model.layers.0.post_attention_layernorm.weight " + width,
                    "model.layers.0.self_attn.o_proj.weight " + width + " " + width,
                    "model.layers.0.self_attn.qkv_proj.weight " + 3 * width + " " + width,
                    "model.norm.weight " + width,
                    "lm_head.weight 8 " + width)
                .map(MlxTargetTest::entry)
                .toList());
    byte[] header = file.header();
    Files.write(
        model.resolve("model.safetensors"),
        Arrays.copyOf(header, Math.toIntExact(header.length + file.dataBytes())));
    return model;
  }

  private static SafetensorsFile.Entry entry(String line) {
    String[] words = line.split(" ", -1);
    return new SafetensorsFile.Entry(
        words[0],
        dev.phial.tensor.DType.BF16,
        dev.phial.tensor.Shape.of(
            Arrays.stream(words).skip(1).mapToLong(Long::parseLong).toArray()));
  }

  @Test
  void refusesNumbersThatDoNotFit() throws IOException {
    Path model = narrow(192);
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] = 0x48; // the last number becomes 131072
    Files.write(weights, bytes);
    try (Checkpoint checkpoint = Sources.open(model);
        Sink sink =
            plan(checkpoint, "4", Map.of("dtype", "float16")).open(folder.resolve("out"), false)) {
      assertThatThrownBy(() -> Pass.run(List.of(sink), 1, Progress.NONE))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining("expected numbers that fit 4bit-g64, found 131072");
    }
    assertThat(folder).isDirectoryNotContaining("glob:**/*out*");
  }

  @Test
  void tellsWhereMlxDiffersFromTheReference() throws IOException {
    assertThat(caveats("phi4-mini"))
        .containsExactly(
            "mlx_lm uses the long LongRoPE factors for texts of any length; the reference uses the short ones up to 256 tokens");
    assertThat(caveats("tiny-phi3"))
        .containsExactly("mlx_lm attends to the whole text; the reference looks back 511 tokens");
    assertThat(caveats("phi4")).isEmpty();
  }

  private static List<String> caveats(String model) {
    try (Checkpoint checkpoint = Sources.open(MODELS.resolve(model))) {
      return new MlxTarget().caveats(Families.describe(checkpoint));
    }
  }

  private JsonNode writtenConfig(Checkpoint checkpoint) throws IOException {
    Path output = folder.resolve("written");
    try (Sink sink = plan(checkpoint, "4", Map.of()).open(output, true)) {
      Pass.run(List.of(sink), 1, Progress.NONE);
    }
    return Json.STRICT.readTree(Files.readString(output.resolve("config.json")));
  }

  /**
   * mlx_lm would ignore the factors in the schema of transformers 5, and not load some of its own.
   */
  @Test
  void putsTheConfigurationIntoTheSchemaThatMlxLmReads() throws IOException {
    JsonNode published;
    try (Checkpoint checkpoint = Sources.open(MODELS.resolve("phi3-medium-128k"))) {
      published = writtenConfig(checkpoint);
    }
    try (Checkpoint checkpoint = Sources.open(MODELS.resolve("phi3-medium-128k-tf5"))) {
      JsonNode config = writtenConfig(checkpoint);
      for (String key : List.of("rope_theta", "original_max_position_embeddings", "torch_dtype")) {
        assertThat(config.get(key)).as(key).isEqualTo(published.get(key));
      }
      for (String key : List.of("type", "long_factor", "short_factor")) {
        assertThat(config.at("/rope_scaling/" + key))
            .as(key)
            .isEqualTo(published.at("/rope_scaling/" + key));
      }
      assertThat(config.has("rope_parameters")).isFalse();
    }
    Path model = copy("phi3-medium-128k");
    ObjectNode config = config(model);
    ObjectNode scaling = (ObjectNode) config.get("rope_scaling");
    scaling.set("rope_type", scaling.remove("type"));
    write(model, config);
    try (Checkpoint checkpoint = Sources.open(model)) {
      assertThat(writtenConfig(checkpoint).at("/rope_scaling/type").asString())
          .isEqualTo("longrope");
    }
  }

  @Test
  void refusesWhatMlxLmCouldNotLoad() throws IOException {
    TinyCheckpoint zeros = TinyCheckpoint.of(Families.ALL.getFirst(), folder);
    zeros.open().close();
    Path model = zeros.folder();
    ObjectNode config = config(model);
    write(model, config.put("tie_word_embeddings", true));
    try (Checkpoint checkpoint = Sources.open(model)) {
      assertThatThrownBy(() -> plan(checkpoint, "4", Map.of()))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining("found tied embeddings");
    }
  }

  @Test
  void cutsFilesWhereMlxLmDoes() throws IOException {
    try (Checkpoint checkpoint = Sources.open(MODELS.resolve("phi2"))) {
      MlxLayout whole =
          MlxLayout.of(
              Families.describe(checkpoint).weights().stream()
                  .map(weight ->
                      new MlxTensor(weight, FloatType.F16, Optional.empty(), Optional.empty()))
                  .toList());
      assertThat(whole.shards()).hasSize(1);
      assertThat(whole.shards().getFirst().name()).isEqualTo("model.safetensors");
      // an entry that is larger than the limit, and then as many as fit
      MlxLayout cut = MlxLayout.of(whole.tensors(), 100_000);
      List<String> all =
          whole.shards().getFirst().entries().stream().map(SafetensorsFile.Entry::name).toList();
      assertThat(cut.shards().stream().flatMap(s -> s.entries().stream()).map(e -> e.name()))
          .containsExactlyElementsOf(all);
      assertThat(cut.shards().getFirst().entries()).hasSize(1);
      assertThat(cut.shards().getFirst().name())
          .isEqualTo("model-00001-of-%05d.safetensors".formatted(cut.shards().size()));
      for (int i = 1; i < cut.shards().size(); i++) {
        long before = cut.shards().get(i - 1).dataBytes();
        assertThat(before + cut.shards().get(i).entries().getFirst().bytes())
            .isGreaterThan(100_000);
      }
      JsonNode index = Json.STRICT.readTree(new String(cut.index(), StandardCharsets.UTF_8));
      assertThat(index.get("weight_map").size()).isEqualTo(all.size());
      assertThat(index.at("/metadata/total_size").asLong())
          .isEqualTo(whole.shards().getFirst().dataBytes());
    }
  }

  @Test
  void tensorsAreNamedAsInMlx() throws IOException {
    try (Checkpoint checkpoint = Sources.open(MODELS.resolve("phi35-moe"))) {
      assertThat(plan(checkpoint, "4", Map.of()).plan().tensors())
          .extracting(PlannedTensor::name)
          .contains("model.layers.1.block_sparse_moe.switch_mlp.gate_proj.weight", "lm_head.bias")
          .startsWith("model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight")
          .endsWith("lm_head.weight", "lm_head.bias");
    }
  }
}
