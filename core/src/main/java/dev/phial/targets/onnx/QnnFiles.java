package dev.phial.targets.onnx;

import dev.phial.graph.DecoderGraph;
import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.ModelDescription;
import dev.phial.model.Rotary;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Folder;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Manifest;
import dev.phial.targets.Request;
import dev.phial.targets.layout.Layout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import onnx.Onnx.ModelProto;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What Qualcomm's accelerator wants: a graph for stretches of the prompt and one for single tokens,
 * both over one data file, and what ONNX Runtime GenAI needs to run them one after the other.
 */
final class QnnFiles {
  private static final String PROMPT = "prompt.onnx";
  private static final String TOKEN = "token.onnx";
  private static final String CONFIG = "config.json";

  private final Folder folder;
  private final DecoderGraph decoder;
  private final Hyperparameters h;
  private final QnnOptions options;

  private QnnFiles(Folder folder, DecoderGraph decoder, QnnOptions options) {
    this.folder = folder;
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
    this.options = options;
  }

  static Layout plan(Folder folder, Request request, Manifest manifest) {
    QnnOptions options = QnnOptions.of(request);
    Optional<ActivationRanges> ranges = CalibrationOptions.unsmoothed(request, "--ep qnn");
    DecoderGraph decoder = DecoderGraph.of(request.model());
    QnnFiles files = new QnnFiles(folder, decoder, options);
    return files
        .files(request.model(), new ActivationScales(ranges, options.activationBits()))
        .layout(request, manifest, ranges.isEmpty());
  }

  private OnnxFiles files(ModelDescription model, ActivationScales scales) {
    OnnxData data = new OnnxData(GenaiConfig.GRAPH);
    StaticParameters parameters =
        new StaticParameters(decoder, scales, cache(), options.context(), data);
    Map<String, ModelProto> graphs = new LinkedHashMap<>();
    graphs.put(PROMPT, StaticGraph.write(parameters, scales, options, options.prompt()));
    graphs.put(TOKEN, StaticGraph.write(parameters, scales, options, 1));
    return new OnnxFiles(model, graphs, List.of(data), smallFiles(model), scales.known());
  }

  /** There is one, so LongRoPE's factors are those for the longest text there may be. */
  private Rotary cache() {
    return Rotary.of(h, isLong());
  }

  private boolean isLong() {
    return isLong(h, options);
  }

  private static boolean isLong(Hyperparameters h, QnnOptions options) {
    return options.context() > h.rope().originalContext();
  }

  /** What the graphs do otherwise than the reference implementation. */
  static List<String> caveats(Request request) {
    Hyperparameters h = request.model().hyperparameters();
    QnnOptions options = QnnOptions.of(request);
    return h.rope().longRope().isPresent() && isLong(h, options)
        ? List.of(
            "texts of any length are rotated with LongRoPE's long factors; the model was meant to take them from %d tokens on, --context-length %d takes the short ones"
                .formatted(h.rope().originalContext() + 1, h.rope().originalContext()))
        : List.of();
  }

  private Map<String, byte[]> smallFiles(ModelDescription model) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(GenaiConfig.NAME, PythonJson.dump(genai(model), 4));
    files.put(CONFIG, PythonJson.dump(config(), 2));
    files.putAll(TokenizerFiles.of(folder, options.context()));
    return files;
  }

  private ObjectNode genai(ModelDescription description) {
    ObjectNode root = GenaiConfig.of(folder, description.family(), h, OnnxOptions.plain());
    ObjectNode model = (ObjectNode) root.get("model");
    model.put("context_length", options.context());
    model.put("type", "decoder-pipeline");
    ObjectNode decoder = (ObjectNode) model.get("decoder");
    decoder.remove("filename");
    ((ObjectNode) decoder.get("inputs")).put("position_ids", "position_ids");
    ObjectNode window = decoder.putObject("sliding_window");
    window.put("window_size", options.prompt());
    window.put("pad_value", ActivationScales.CACHE_ZERO);
    window.put("alignment", "right");
    window.put("slide_key_value_cache", true).put("slide_inputs", true);
    ObjectNode stages = decoder.putArray("pipeline").addObject();
    stage(stages.putObject("prompt"), PROMPT, true);
    stage(stages.putObject("token"), TOKEN, false);
    ((ObjectNode) root.get("search")).put("max_length", options.context());
    return root;
  }

  private void stage(ObjectNode stage, String file, boolean isPrompt) {
    stage.put("filename", file);
    ArrayNode inputs = stage.putArray("inputs");
    List.of("input_ids", "attention_mask", "position_ids").forEach(inputs::add);
    ArrayNode outputs = stage.putArray("outputs").add("logits");
    for (int layer = 0; layer < h.layers(); layer++) {
      inputs.add("past_key_values.%d.key".formatted(layer));
      inputs.add("past_key_values.%d.value".formatted(layer));
      outputs.add("present.%d.key".formatted(layer));
      outputs.add("present.%d.value".formatted(layer));
    }
    stage.put("run_on_prompt", isPrompt).put("run_on_token_gen", !isPrompt);
  }

  /** The checkpoint as it is in the graphs: with their context, and one set of rotary factors. */
  private ObjectNode config() {
    ObjectNode config = folder.plainConfig();
    config.put("max_position_embeddings", options.context());
    h.rope().longRope().ifPresent(rope -> rescale(config, rope));
    return config;
  }

  private void rescale(ObjectNode config, LongRope rope) {
    List<Double> factors = isLong() ? rope.longFactors() : rope.shortFactors();
    config.remove(List.of("rope_parameters", "original_max_position_embeddings"));
    config.put("original_max_position_embeddings", options.context());
    config.put("rope_theta", h.rope().theta());
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("type", "longrope");
    for (String kind : List.of("short", "long")) {
      scaling.set(kind + "_factor", Json.MAPPER.valueToTree(factors));
      scaling.put(kind + "_mscale", (double) cache().scale());
    }
  }
}
