package dev.phial.source;

import dev.phial.io.Json;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A folder of ONNX Runtime GenAI, described as the checkpoint it was made from: what config.json
 * would say follows from genai_config.json and the graph. Tensors have the names that {@link
 * OnnxWeights} gives them.
 */
final class OnnxFolder implements Source {
  private static final String SETTINGS = "genai_config.json";

  /** The architectures by the names that GenAI has for them. */
  private static final Map<String, String> ARCHITECTURES =
      Map.of(
          "phi",
          "PhiForCausalLM",
          "phi3",
          "Phi3ForCausalLM",
          "phi3v",
          "Phi3VForCausalLM",
          "phimoe",
          "PhiMoEForCausalLM");

  private static final String BLOCK_SPARSE = "phi3small";

  private static final List<String> SPECIAL_TOKENS =
      List.of("bos_token_id", "eos_token_id", "pad_token_id");

  @Override
  public boolean isAt(Path path) {
    return Files.isRegularFile(path.resolve(SETTINGS))
        && !(Files.isRegularFile(path.resolve("config.json")) && HubFiles.areIn(path));
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Config genai = Config.read(path.resolve(SETTINGS));
    Config model = need(genai, "model");
    Config decoder = need(model, "decoder");
    Path file = path.resolve(graph(genai, decoder));
    OnnxGraph.Model read = OnnxGraph.read(file, arena);
    OnnxWeights.Contents contents = OnnxWeights.read(file, read.graph());
    List<Path> files = new ArrayList<>(read.files());
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    Optional<Config> embedding = model.object("embedding"); // of a model that sees
    if (embedding.isPresent()) {
      Path first = path.resolve(graph(genai, embedding.get()));
      OnnxGraph.Model before = OnnxGraph.read(first, arena);
      tensors.putAll(OnnxWeights.readEmbedding(first, before.graph()));
      files.addAll(before.files());
    }
    tensors.putAll(contents.tensors());
    Path own = path.resolve("config.json");
    ObjectNode config =
        Files.isRegularFile(own)
            ? (ObjectNode) Config.read(own).json().deepCopy()
            : describe(file, read.graph(), contents, model, decoder);
    config.put("tie_word_embeddings", contents.tied()); // the graph may have two of one matrix
    return Checkpoint.of(
            "onnx",
            Folder.of(path, new Config(genai.file(), config))
                .with(Folder.GENERATION, new Config(genai.file(), generation(genai, model))),
            new Weights(
                arena, files, tensors, Naming.ONNX, RoundedActivations.at(contents.activations())))
        .noting(embedding.isPresent() ? List.of(TextModel.note(path)) : List.of());
  }

  private static String graph(Config genai, Config part) {
    String name =
        part.text("filename")
            .or(() -> lastStage(part))
            .orElseThrow(() ->
                Refusal.unsupported(
                    genai.file(),
                    "expected the file of the graph in model.decoder.filename, found none"));
    if (!name.matches("[\\w.-]+") || name.startsWith(".")) {
      throw Refusal.bad(
          genai.file(), "expected a graph in the same folder, found the file %s", name);
    }
    return name;
  }

  /** The graph for single tokens, of a model with one for prompts too; it has all parameters. */
  private static Optional<String> lastStage(Config decoder) {
    return decoder
        .json()
        .path("pipeline")
        .valueStream()
        .flatMap(JsonNode::valueStream)
        .map(stage -> stage.path("filename").stringValue(""))
        .filter(file -> !file.isEmpty())
        .reduce((first, second) -> second);
  }

  private static Config need(Config config, String key) {
    return config
        .object(key)
        .orElseThrow(() -> Refusal.bad(config.file(), "expected a field %s, found none", key));
  }

  private static ObjectNode describe(
      Path file, OnnxGraph graph, OnnxWeights.Contents contents, Config model, Config decoder) {
    ObjectNode config = Json.MAPPER.createObjectNode();
    String type = model.text("type").orElse("");
    if (type.equals(BLOCK_SPARSE)) {
      throw Refusal.unsupported(
          model.file(),
          "expected the config.json of the checkpoint beside a graph of %s, whose blocks and multipliers it describes, found none; copy it there",
          type);
    }
    config.putArray("architectures").add(ARCHITECTURES.getOrDefault(type, type));
    config.put("model_type", type);
    int hidden = decoder.count("hidden_size");
    int heads = decoder.count("num_attention_heads");
    int headSize = decoder.count("head_size");
    int context = model.count("context_length");
    config.put("hidden_size", hidden).put("num_attention_heads", heads);
    if ((long) heads * headSize != hidden) {
      config.put("head_dim", headSize);
    }
    config.put("num_key_value_heads", decoder.count("num_key_value_heads"));
    config.put("num_hidden_layers", decoder.count("num_hidden_layers"));
    config.put("vocab_size", model.count("vocab_size"));
    config.put("max_position_embeddings", context);
    config.put(type.equals("phi") ? "layer_norm_eps" : "rms_norm_eps", contents.epsilon());
    decoder
        .object("sliding_window")
        .flatMap(window -> window.optionalCount("window_size"))
        .ifPresent(window -> config.put("sliding_window", window));
    feedForward(file, graph, contents, config);
    OnnxRotary.describe(file, graph, heads, headSize, context, config);
    for (String token : SPECIAL_TOKENS) {
      copy(model, token, config);
    }
    return config;
  }

  private static void feedForward(
      Path file, OnnxGraph graph, OnnxWeights.Contents contents, ObjectNode config) {
    Tensor down =
        List.of("mlp.down_proj", "mlp.fc2", "moe.experts.down_proj").stream()
            .map(name -> contents.tensors().get("model.layers.0." + name + ".weight"))
            .filter(tensor -> tensor != null)
            .findFirst()
            .orElseThrow(() ->
                Refusal.unsupported(
                    file,
                    "expected a feed-forward layer model.layers.0.mlp.down_proj, mlp.fc2 or moe.experts, found none"));
    config.put("intermediate_size", down.shape().columns());
    if (down.shape().rank() < 3) {
      return;
    }
    config.put("num_local_experts", down.shape().dimensions().getFirst());
    for (OnnxGraph.Node node : graph.nodes()) {
      if (node.op().equals("MoE") || node.op().equals("QMoE")) {
        config.put("num_experts_per_tok", node.number("k", 1));
      } else if (node.name().endsWith("/moe/router/first/Greater")) { // as our own graphs have it
        graph
            .constant(node.input(1))
            .filter(limit -> limit.shape().elements() == 1)
            .ifPresent(limit -> {
              float[] value = new float[1];
              limit.read(0, 1, value, 0);
              config.put("router_jitter_noise", Double.parseDouble(Float.toString(value[0] / 2)));
            });
      }
    }
  }

  /** What the settings of a search say of sampling, if there is any. */
  private static ObjectNode generation(Config genai, Config model) {
    ObjectNode generation = Json.MAPPER.createObjectNode();
    for (String token : SPECIAL_TOKENS) {
      copy(model, token, generation);
    }
    Optional<Config> search = genai.object("search");
    if (search.isPresent() && search.get().flag("do_sample", false)) {
      for (String key :
          List.of("do_sample", "temperature", "top_k", "top_p", "repetition_penalty")) {
        copy(search.get(), key, generation);
      }
    }
    return generation;
  }

  private static void copy(Config from, String key, ObjectNode to) {
    JsonNode value = from.json().path(key);
    if (!value.isMissingNode() && !value.isNull()) {
      to.set(key, value);
    }
  }
}
