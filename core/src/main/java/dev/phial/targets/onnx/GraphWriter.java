package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.graph;
import static dev.phial.targets.onnx.Nodes.number;
import static dev.phial.targets.onnx.Nodes.real;
import static dev.phial.targets.onnx.Nodes.text;
import static dev.phial.targets.onnx.Protos.value;

import dev.phial.PhialException;
import dev.phial.graph.Attention;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Layer;
import dev.phial.graph.Linear;
import dev.phial.graph.Norm;
import dev.phial.model.BlockAttention;
import dev.phial.model.Hyperparameters;
import dev.phial.quant.FloatType;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.ValueInfoProto;

/**
 * Lays a decoder down in ONNX's operators and ONNX Runtime's own, with the names and the order that
 * its model builder gives them, so that graphs and data files can be compared.
 */
final class GraphWriter {
  private static final String MASK = "/model/attn_mask_reformat/attn_mask_subgraph";

  private final DecoderGraph decoder;
  private final Hyperparameters h;
  private final OnnxOptions options;
  private final FloatType type;
  private final Nodes nodes = new Nodes();

  private final RoundedProducts products;
  private final List<TensorProto> inside = new ArrayList<>(); // the file of the graph
  private final OnnxData data;
  private final Projections projections;
  private final RotaryNodes rotary;

  /** The residual stream is the sum of the two; the norm that reads it next adds them up. */
  private String root = "";

  private String skip = "";

  private GraphWriter(
      DecoderGraph decoder, OnnxOptions options, Optional<ActivationRanges> ranges, OnnxData data) {
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
    this.options = options;
    this.type = options.activations();
    this.data = data;
    this.products = new RoundedProducts(nodes, ranges, options.excluded());
    this.projections = new Projections(h, options, nodes, data, products);
    this.rotary = new RotaryNodes(h, options, nodes, data, this::totalLength);
  }

  /** A graph, and the codes that its activations are rounded to. */
  record Written(ModelProto graph, Map<ActivationPlace, ActivationCodes> activations) {}

  /**
   * Writes a graph.
   *
   * @param ranges of activations; empty if they are not rounded, or the graph is only planned
   * @param data receives what lies beside the graph
   */
  static Written write(
      DecoderGraph decoder, OnnxOptions options, Optional<ActivationRanges> ranges, OnnxData data) {
    return new GraphWriter(decoder, options, ranges, data).write();
  }

  private Written write() {
    rotary.begin();
    maskLengths();
    h.attention().blocks().ifPresent(this::blockTables);
    root = new Embedding(decoder, options, nodes, data, projections, "input_ids").write();
    skip = root;
    for (int layer = 0; layer < decoder.layers().size(); layer++) {
      layer(layer, decoder.layers().get(layer));
    }
    String hidden = outputNorm();
    if (!options.excludesHead()) {
      head(hidden);
    }
    products.checkExcluded();
    return new Written(model(), products.activations());
  }

  // --- before the layers

  /** Sequence lengths for GroupQueryAttention from the attention mask. */
  private void maskLengths() {
    String one = nodes.list(1);
    String sum =
        nodes.add(
            "ReduceSum",
            MASK + "/ReduceSum",
            List.of("attention_mask", one),
            number("keepdims", 0));
    String last = nodes.add("Sub", MASK + "/Sub", List.of(sum, one));
    nodes.cast(MASK + "/Sub/Cast", last, OnnxType.INT32);
    nodes.cast(MASK + "/Gather/Cast", totalLength(), OnnxType.INT32);
  }

  private String totalLength() {
    String name = MASK + "/Gather";
    if (nodes.all().stream().noneMatch(node -> node.getName().equals(name))) {
      String shape = nodes.add("Shape", MASK + "/Shape", List.of("attention_mask"));
      nodes.add("Gather", name, List.of(shape, nodes.scalar(1)), number("axis", 0));
    }
    return name + "/output_0";
  }

  private void blockTables(BlockAttention small) {
    if (!options.provider().hasBlocks()) {
      throw new PhialException.Unsupported(
          "--ep %s: it has no kernel for attention to blocks of tokens, as in Phi-3-small; choose cpu or cuda"
              .formatted(options.provider().label()));
    }
    inside.addAll(BlockTables.of(h, small));
    nodes.cast(MASK + "/ReduceSum/Cast", MASK + "/ReduceSum/output_0", OnnxType.INT32);
  }

  // --- layers

  private void layer(int index, Layer layer) {
    String name = "/model/layers." + index;
    String normed =
        norm(name + "/input_layernorm", layer.attentionNorm(), index > 0, Optional.empty());
    ActivationPlace first = ActivationPoint.ATTENTION_NORM.in(index);
    String attended = attention(name + "/attn", index, layer.attention(), normed);
    if (layer.feedForwardNorm().isPresent()) {
      skip = attended;
      String again =
          norm(
              name + "/post_attention_layernorm",
              layer.feedForwardNorm().get(),
              true,
              Optional.empty());
      ActivationPlace second = ActivationPoint.FEED_FORWARD_NORM.in(index);
      skip = feedForward(name + "/mlp", index, layer.feedForward(), again, second);
    } else {
      String fed = feedForward(name + "/mlp", index, layer.feedForward(), normed, first);
      skip = nodes.add("Add", name + "/residual_add/Add", List.of(attended, fed));
    }
  }

  private String outputNorm() {
    return norm(
        "/model/layers.%d/final_norm_layernorm".formatted(decoder.layers().size()),
        decoder.outputNorm(),
        true,
        Optional.of(options.excludesHead() ? "hidden_states" : ""));
  }

  /**
   * Normalizes the residual stream, which may still have to be added up.
   *
   * @param last the name of the output, or empty for the usual one, if nobody reads the stream
   *     after this
   */
  private String norm(String name, Norm norm, boolean adds, Optional<String> last) {
    String prefix = name.substring(1).replace('/', '.');
    List<String> inputs = new ArrayList<>(adds ? List.of(root, skip) : List.of(root));
    projections.vector(prefix + ".weight", norm.weight());
    inputs.add(prefix + ".weight");
    norm.bias()
        .ifPresent(bias -> {
          projections.vector(prefix + ".bias", bias);
          inputs.add(prefix + ".bias");
        });
    String output = last.filter(given -> !given.isEmpty()).orElse(name + "/output_0");
    String op = norm.centers() ? "LayerNormalization" : "SimplifiedLayerNormalization";
    if (!adds) {
      nodes.add(
          "",
          op,
          name + "/LayerNorm",
          inputs,
          List.of(output),
          real("epsilon", norm.epsilon()),
          number("axis", -1),
          number("stash_type", 1));
      return output;
    }
    String sum = name + "/output_3";
    nodes.add(
        MICROSOFT,
        "Skip" + op,
        name + "/SkipLayerNorm",
        inputs,
        last.isPresent() ? List.of(output) : List.of(output, "", "", sum),
        real("epsilon", norm.epsilon()));
    if (last.isEmpty()) {
      root = sum;
    }
    return output;
  }

  private String attention(String name, int index, Attention attention, String input) {
    String query;
    String key = "";
    String value = "";
    ActivationPlace place = ActivationPoint.ATTENTION_NORM.in(index);
    if (options.provider().fusesAttention()) {
      Linear fused = Linear.join(List.of(attention.query(), attention.key(), attention.value()));
      query = projections.linear(name + "/qkv_proj", fused, input, place);
    } else {
      query = projections.matmul(name + "/q_proj", attention.query(), input, place);
      key = projections.matmul(name + "/k_proj", attention.key(), input, place);
      value = projections.matmul(name + "/v_proj", attention.value(), input, place);
      query = projections.bias(name + "/q_proj", attention.query(), query);
      key = projections.bias(name + "/k_proj", attention.key(), key);
      value = projections.bias(name + "/v_proj", attention.value(), value);
    }
    rotary.ensureTables();
    boolean rotates = options.provider().fusesAttention();
    if (!rotates) {
      query = rotary.rotate(name + "/q_rotary/RotaryEmbedding", query, h.attention().heads());
      key = rotary.rotate(name + "/k_rotary/RotaryEmbedding", key, h.attention().keyValueHeads());
    }
    String output =
        attention.blocks().isPresent()
            ? blockAttention(name + "/SparseAttention", index, attention, query)
            : attention(name + "/GroupQueryAttention", index, attention, query, key, value);
    String projected =
        projections.matmul(
            name + "/o_proj", attention.output(), output, ActivationPoint.ATTENDED.in(index));
    return attention
        .output()
        .bias()
        .map(bias -> projections.addBias(name + "/o_proj", bias, projected))
        .orElse(projected);
  }

  private String attention(
      String name, int index, Attention attention, String query, String key, String value) {
    boolean rotates = options.provider().fusesAttention();
    String output = name + "/output_0";
    nodes.add(
        MICROSOFT,
        "GroupQueryAttention",
        name,
        List.of(
            query,
            key,
            value,
            "past_key_values.%d.key".formatted(index),
            "past_key_values.%d.value".formatted(index),
            MASK + "/Sub/Cast/output_0",
            MASK + "/Gather/Cast/output_0",
            rotates ? "cos_cache" : "",
            rotates ? "sin_cache" : "",
            "",
            "",
            ""),
        List.of(output, "present.%d.key".formatted(index), "present.%d.value".formatted(index)),
        number("num_heads", h.attention().heads()),
        number("kv_num_heads", h.attention().keyValueHeads()),
        real("scale", attention.scale()),
        number("local_window_size", -1),
        real("softcap", 0),
        number("do_rotary", rotates ? 1 : 0),
        number("rotary_interleaved", 0));
    return output;
  }

  private String blockAttention(String name, int index, Attention attention, String query) {
    String output = name + "/output_0";
    nodes.add(
        MICROSOFT,
        "SparseAttention",
        name,
        List.of(
            query,
            "",
            "",
            "past_key_values.%d.key".formatted(index),
            "past_key_values.%d.value".formatted(index),
            BlockTables.ROWS,
            BlockTables.COLUMNS,
            MASK + "/Gather/Cast/output_0",
            MASK + "/ReduceSum/Cast/output_0",
            "cos_cache",
            "sin_cache"),
        List.of(output, "present.%d.key".formatted(index), "present.%d.value".formatted(index)),
        number("num_heads", h.attention().heads()),
        number("kv_num_heads", h.attention().keyValueHeads()),
        real("scale", attention.scale()),
        number("sparse_block_size", attention.blocks().orElseThrow().blockSize()),
        number("do_rotary", 1),
        number("rotary_interleaved", 0));
    return output;
  }

  /**
   * @param place of the input
   */
  private String feedForward(
      String name, int index, FeedForward feedForward, String input, ActivationPlace place) {
    ActivationPlace product = ActivationPoint.FEED_FORWARD_PRODUCT.in(index);
    return switch (feedForward) {
      case FeedForward.Gated gated -> gated(name, gated, input, place, product);
      case FeedForward.Plain plain -> {
        String up = projections.linear(name + "/fc1", plain.up(), input, place);
        String active =
            nodes.add("Gelu", name + "/act_fn/FastGelu", List.of(up), text("approximate", "tanh"));
        yield projections.linear(name + "/fc2", plain.down(), active, product);
      }
      case FeedForward.Gegelu gegelu -> {
        String both = projections.linear(name + "/up_proj", gegelu.gateUp(), input, place);
        String active = Gegelu.add(nodes, name, both, gegelu.limit(), type);
        yield projections.linear(name + "/down_proj", gegelu.down(), active, product);
      }
      case FeedForward.Experts experts ->
          new ExpertNodes(options, nodes, data, projections)
              .write(name.replace("/mlp", "/moe"), experts, input, place);
    };
  }

  private String gated(
      String name,
      FeedForward.Gated gated,
      String input,
      ActivationPlace place,
      ActivationPlace productPlace) {
    String gate = projections.linear(name + "/gate_proj", gated.gate(), input, place);
    String up = projections.linear(name + "/up_proj", gated.up(), input, place);
    String sigmoid = nodes.add("Sigmoid", name + "/act_fn/Sigmoid", List.of(gate));
    String active = nodes.add("Mul", name + "/act_fn/Mul", List.of(gate, sigmoid));
    String product = nodes.add("Mul", name + "/Mul", List.of(active, up));
    return projections.linear(name + "/down_proj", gated.down(), product, productPlace);
  }

  // --- after the layers

  private void head(String hidden) {
    String name = "/lm_head";
    String logits =
        projections.matmul(name, decoder.output(), hidden, ActivationPoint.OUTPUT_NORM.once());
    if (decoder.output().bias().isPresent()) {
      logits = projections.addBias(name, decoder.output().bias().get(), logits);
    }
    if (h.multipliers().logits() != 1) {
      String factor = nodes.real(type, h.multipliers().logits());
      logits = nodes.add("Mul", name + "/Mul", List.of(logits, factor));
    }
    if (h.maskedTokens().isPresent()) {
      data.add(
          MaskedTokens.initializer(h.vocabulary()),
          MaskedTokens.content(h.vocabulary(), h.maskedTokens().get()));
      String never = nodes.real(type, -type.largest());
      logits = nodes.add("Where", name + "/Where", List.of(MaskedTokens.NAME, never, logits));
    }
    if (type == FloatType.BF16) { // logits are wanted in single precision
      nodes.cast(name + "/Cast", logits, OnnxType.FLOAT);
    }
    nodes.nameLastOutput("logits");
  }

  // --- the model around the nodes

  private ModelProto model() {
    GraphProto.Builder graph =
        GraphProto.newBuilder().setName("main_graph").addAllNode(nodes.all());
    inputsAndOutputs(graph);
    graph.addAllInitializer(inside);
    return Protos.model(graph, data);
  }

  private void inputsAndOutputs(GraphProto.Builder graph) {
    OnnxType activations = OnnxType.of(type);
    if (!options.excludesEmbedding()) {
      graph.addInput(value("input_ids", OnnxType.INT64, "batch_size", "sequence_length"));
    }
    graph.addInput(value("attention_mask", OnnxType.INT64, "batch_size", "total_sequence_length"));
    if (!options.provider().fusesAttention()) {
      graph.addInput(value("position_ids", OnnxType.INT64, "batch_size", "sequence_length"));
    }
    if (options.excludesEmbedding()) {
      graph.addInput(
          value("inputs_embeds", activations, "batch_size", "sequence_length", (long) h.hidden()));
    }
    if (options.excludesHead()) {
      graph.addOutput(
          value("hidden_states", activations, "batch_size", "sequence_length", (long) h.hidden()));
    } else {
      OnnxType logits = type == FloatType.BF16 ? OnnxType.FLOAT : activations;
      graph.addOutput(
          value("logits", logits, "batch_size", "sequence_length", (long) h.vocabulary()));
    }
    for (String part : List.of("key", "value")) {
      for (int layer = 0; layer < h.layers(); layer++) {
        graph.addInput(
            cache("past_key_values.%d.%s".formatted(layer, part), "past_sequence_length"));
        graph.addOutput(cache("present.%d.%s".formatted(layer, part), "total_sequence_length"));
      }
    }
  }

  private ValueInfoProto cache(String name, String length) {
    return value(
        name,
        OnnxType.of(type),
        "batch_size",
        (long) h.attention().keyValueHeads(),
        length,
        "kv_cache_dim");
  }
}
