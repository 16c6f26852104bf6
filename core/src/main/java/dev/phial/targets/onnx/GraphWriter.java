package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.graph;
import static dev.phial.targets.onnx.Nodes.number;
import static dev.phial.targets.onnx.Nodes.numbers;
import static dev.phial.targets.onnx.Nodes.real;
import static dev.phial.targets.onnx.Nodes.tensor;
import static dev.phial.targets.onnx.Nodes.text;
import static dev.phial.targets.onnx.Protos.value;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.phial.PhialException;
import dev.phial.graph.Attention;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Layer;
import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.graph.Norm;
import dev.phial.graph.RotaryCache;
import dev.phial.graph.Vector;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.Phi3SmallSettings;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Recoding;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.quant.method.DividingMinMax;
import dev.phial.quant.method.Given;
import dev.phial.quant.method.MinMax;
import dev.phial.targets.Carry;
import dev.phial.tensor.Coding;
import dev.phial.tensor.Shape;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.ValueInfoProto;

/**
 * Lays a decoder down in ONNX's operators and ONNX Runtime's own, with the names and the order that
 * its model builder gives them, so that graphs and data files can be compared.
 */
final class GraphWriter {
  private static final int IR_VERSION = 10;
  private static final int OPSET = 22;
  private static final String MASK = "/model/attn_mask_reformat/attn_mask_subgraph";
  private static final String EMBEDDING = "/model/embed_tokens";
  private static final String TABLE = "model.embed_tokens.weight";

  private final DecoderGraph decoder;
  private final Hyperparameters h;
  private final OnnxOptions options;
  private final FloatType type;
  private final Nodes nodes = new Nodes();

  /** By tensor; to find one may take reading all of its zero points. */
  private final Map<String, Optional<Recoding>> recodings = new HashMap<>();

  private final RoundedProducts products;
  private final List<TensorProto> inside = new ArrayList<>(); // the file of the graph
  private final List<Stored> stored = new ArrayList<>();
  private boolean hasRotaryTables;
  private String positions = "position_ids";

  /** The residual stream is the sum of the two; the norm that reads it next adds them up. */
  private String root = "";

  private String skip = "";

  private GraphWriter(
      DecoderGraph decoder, OnnxOptions options, Optional<ActivationRanges> ranges) {
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
    this.options = options;
    this.type = options.activations();
    this.products = new RoundedProducts(nodes, ranges, options.excluded());
  }

  /**
   * @param ranges of activations; empty if they are not rounded, or the graph is only planned
   */
  static OnnxModel write(
      DecoderGraph decoder, OnnxOptions options, Optional<ActivationRanges> ranges) {
    return new GraphWriter(decoder, options, ranges).write();
  }

  private OnnxModel write() {
    rotaryTables();
    maskLengths();
    h.small().ifPresent(this::blockTables);
    embedding();
    for (int layer = 0; layer < decoder.layers().size(); layer++) {
      layer(layer, decoder.layers().get(layer));
    }
    String hidden = outputNorm();
    if (!options.excludesHead()) {
      head(hidden);
    }
    products.checkExcluded();
    stored.sort(Comparator.comparingInt(Stored::pass));
    return new OnnxModel(Map.of(GenaiConfig.GRAPH, model()), stored, options.carries());
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
    cast(MASK + "/Sub/Cast", last, OnnxType.INT32);
    cast(MASK + "/Gather/Cast", totalLength(), OnnxType.INT32);
  }

  private String totalLength() {
    String name = MASK + "/Gather";
    if (nodes.all().stream().noneMatch(node -> node.getName().equals(name))) {
      String shape = nodes.add("Shape", MASK + "/Shape", List.of("attention_mask"));
      nodes.add("Gather", name, List.of(shape, nodes.scalar(1)), number("axis", 0));
    }
    return name + "/output_0";
  }

  private void blockTables(Phi3SmallSettings small) {
    if (!options.provider().hasBlocks()) {
      throw new PhialException.Unsupported(
          "--ep %s: it has no kernel for attention to blocks of tokens, as in Phi-3-small; choose cpu or cuda"
              .formatted(options.provider().label()));
    }
    inside.addAll(BlockTables.of(h, small));
    cast(MASK + "/ReduceSum/Cast", MASK + "/ReduceSum/output_0", OnnxType.INT32);
  }

  private String cast(String name, String input, OnnxType to) {
    return nodes.add("Cast", name, List.of(input), number("to", to.number()));
  }

  /** For LongRoPE, the caches of short and long texts; others get theirs in the first layer. */
  private void rotaryTables() {
    Optional<LongRope> longRope = h.longRope().filter(rope -> h.context() > h.originalContext());
    if (longRope.isEmpty()) {
      return;
    }
    hasRotaryTables = true;
    RotaryTable.Stretch small =
        new RotaryTable.Stretch(RotaryCache.shortTexts(h, longRope.get()), h.originalContext());
    RotaryTable.Stretch large =
        new RotaryTable.Stretch(RotaryCache.longTexts(h, longRope.get()), h.context());
    if (options.provider().hasIf()) {
      String isLong =
          nodes.add(
              "Greater",
              "/model/rope_caches_subgraph/Greater",
              List.of(totalLength(), nodes.scalar(h.originalContext())));
      nodes.add(
          "",
          "If",
          "/model/rope_caches_subgraph/If",
          List.of(isLong),
          List.of("cos_cache", "sin_cache"),
          graph("then_branch", constants("large", large)),
          graph("else_branch", constants("small", small)));
    } else {
      add(new RotaryTable("cos_cache", List.of(small, large), false, type));
      add(new RotaryTable("sin_cache", List.of(small, large), true, type));
      String last =
          nodes.add(
              "ReduceMax",
              "/model/pos_ids_reformat/ReduceMax",
              List.of("position_ids"),
              number("keepdims", 0));
      String original = nodes.scalar(h.originalContext());
      String isLong =
          nodes.add(
              "GreaterOrEqual", "/model/pos_ids_reformat/GreaterOrEqual", List.of(last, original));
      String factor = cast("/model/pos_ids_reformat/Cast", isLong, OnnxType.INT64);
      String shift = nodes.add("Mul", "/model/pos_ids_reformat/Mul", List.of(factor, original));
      positions = nodes.add("Add", "/model/pos_ids_reformat/Add_1", List.of(shift, "position_ids"));
    }
  }

  private GraphProto constants(String size, RotaryTable.Stretch stretch) {
    GraphProto.Builder branch = GraphProto.newBuilder().setName(size + "_rope_caches_graph");
    for (boolean sine : new boolean[] {false, true}) {
      String table = (sine ? "sin" : "cos") + "_cache";
      String output = table + "_" + size;
      List<Long> dimensions = List.of((long) stretch.positions(), (long) stretch.cache().columns());
      byte[] bytes = RotaryTable.bytes(stretch.cache(), 0, stretch.positions(), sine, type);
      ByteString content = UnsafeByteOperations.unsafeWrap(bytes);
      branch.addNode(
          NodeProto.newBuilder()
              .setOpType("Constant")
              .setName("/%s/%s/Constant".formatted(size, table))
              .addOutput(output)
              .addAttribute(
                  tensor("value", Nodes.tensor(output, OnnxType.of(type), dimensions, content))));
      branch.addOutput(value(output, OnnxType.of(type), dimensions.toArray()));
    }
    return branch.build();
  }

  private void embedding() {
    if (options.excludesEmbedding()) {
      root = "inputs_embeds";
    } else if (sharesQuantized()) {
      root = sharedQuantizedEmbedding();
    } else if (sharesPlain()) {
      String table =
          nodes.add(
              "Transpose",
              EMBEDDING + "/Transpose",
              List.of("lm_head.MatMul.weight"),
              numbers("perm", 1, 0));
      root = nodes.add("Gather", EMBEDDING + "/Gather", List.of(table, "input_ids"));
    } else if (recoding(TABLE, decoder.embedding()).isPresent()) {
      root = carriedEmbedding(recoding(TABLE, decoder.embedding()).orElseThrow());
    } else if (quantizesEmbedding()) {
      root = quantizedEmbedding();
    } else {
      Matrix table = decoder.embedding();
      PlainRows storage =
          new PlainRows(
              Initializer.of(TABLE, OnnxType.of(type), table.rows(), table.columns()),
              table.columns(),
              type);
      add(storage, TABLE, table, plainFormat(), Stored.PLAIN);
      root = nodes.add("Gather", EMBEDDING + "/Gather", List.of(TABLE, "input_ids"));
    }
    if (h.small().isPresent() && !options.excludesEmbedding()) {
      String factor = nodes.real(type, h.small().get().embeddingFactor());
      root = nodes.add("Mul", EMBEDDING + "/Mul", List.of(root, factor));
    }
    skip = root;
  }

  private boolean shares() {
    return options.sharesEmbedding() && !options.excludesHead() && !options.excludesEmbedding();
  }

  private boolean sharesQuantized() {
    if (options.carries()) {
      return shares() && outputRecoding().isPresent();
    }
    return shares() && options.precision() == Precision.INT4 && !options.qdq();
  }

  private boolean sharesPlain() {
    if (options.carries()) {
      return shares() && outputRecoding().isEmpty();
    }
    return shares() && !options.precision().isQuantized();
  }

  /** A table of its own is quantized only where it was meant to be shared. */
  private boolean quantizesEmbedding() {
    return options.sharesEmbedding()
        && !options.carries()
        && options.precision() == Precision.INT4
        && !options.qdq()
        && options.algorithm() == Algorithm.DEFAULT;
  }

  /** Reads rows of the output matrix, which {@link #head} stores. */
  private String sharedQuantizedEmbedding() {
    GroupInt format =
        outputRecoding().map(GraphWriter::format).orElseGet(() -> format(bits("/lm_head/MatMul")));
    int bits = format.bits();
    int size = format.blockSize();
    List<Initializer> tensors =
        options
            .algorithm()
            .initializers("lm_head.MatMul.weight", h.vocabulary(), h.hidden(), size, format);
    String table =
        nodes.add(
            "Reshape",
            EMBEDDING + "/Reshape",
            List.of(
                codes(tensors), nodes.list(h.vocabulary(), (long) h.hidden() * bits / Byte.SIZE)));
    List<String> inputs = new ArrayList<>(List.of(table, "input_ids", scales(tensors)));
    zeros(tensors).ifPresent(inputs::add);
    String name = EMBEDDING + "/GatherBlockQuantized";
    return lookUp(name, name + "/output_0", inputs, size, number("bits", bits));
  }

  /**
   * Reads rows of codes.
   *
   * @param inputs codes, tokens, scales, and zero points if there are some
   */
  private String lookUp(
      String name, String output, List<String> inputs, int size, AttributeProto... more) {
    List<AttributeProto> attributes = new ArrayList<>(List.of(more));
    attributes.add(number("block_size", size));
    attributes.add(number("gather_axis", 0));
    attributes.add(number("quantize_axis", 1));
    nodes.add(
        MICROSOFT,
        "GatherBlockQuantized",
        name,
        inputs,
        List.of(output),
        attributes.toArray(AttributeProto[]::new));
    return output;
  }

  private Optional<Recoding> outputRecoding() {
    return recoding("lm_head.MatMul.weight", decoder.output().weight());
  }

  /** Codes that come as they are, in bytes as those of the output matrix. */
  private String carriedEmbedding(Recoding recoding) {
    Matrix table = decoder.embedding();
    GroupInt format = format(recoding);
    int bits = format.bits();
    long groups = table.columns() / format.blockSize();
    long codeBytes = table.columns() * bits / Byte.SIZE;
    Initializer codes =
        Initializer.of(TABLE + "_Q" + bits, OnnxType.UINT8, table.rows(), codeBytes);
    Initializer zeros =
        Initializer.of(
            TABLE + "_zero_points", OnnxType.UINT8, table.rows(), (groups * bits + 7) / Byte.SIZE);
    return embedding(format, codes, zeros, false, Optional.of(recoding), number("bits", bits));
  }

  private String quantizedEmbedding() {
    Matrix table = decoder.embedding();
    int size = options.blockSize();
    checkDivides("model.embed_tokens", table.columns(), size);
    GroupInt format = new GroupInt(4, size, type, new DividingMinMax(options.symmetric(), type));
    OnnxType codeType = options.symmetric() ? OnnxType.INT4 : OnnxType.UINT4;
    long groups = table.columns() / size;
    if (format.hasZeros() && groups % 2 != 0) {
      throw new PhialException.Unsupported(
          "--block-size %d: expected an even number of zero points per row of the embedding, found %d; choose a smaller block size"
              .formatted(size, groups));
    }
    Initializer codes = Initializer.of(TABLE + "_Q4", codeType, table.rows(), table.columns());
    Initializer zeros = Initializer.of(TABLE + "_zero_points", codeType, table.rows(), groups);
    return embedding(format, codes, zeros, options.symmetric(), Optional.empty());
  }

  /**
   * Stores the embedding as codes, and reads rows of it.
   *
   * @param zeros if the format has zero points
   * @param signed whether codes are
   */
  private String embedding(
      GroupInt format,
      Initializer codes,
      Initializer zeros,
      boolean signed,
      Optional<Recoding> recoding,
      AttributeProto... more) {
    Matrix table = decoder.embedding();
    int size = format.blockSize();
    Initializer scales =
        Initializer.of(TABLE + "_scales", OnnxType.of(type), table.rows(), table.columns() / size);
    List<Initializer> points = format.hasZeros() ? List.of(zeros) : List.of();
    List<Initializer> all = new ArrayList<>(List.of(codes, scales));
    all.addAll(points);
    add(
        new NBitsRows(all, format, type, table.columns(), codes, scales, points, signed, recoding),
        TABLE,
        table,
        format,
        Stored.QUANTIZED);
    List<String> inputs = new ArrayList<>(List.of(codes.name(), "input_ids", scales.name()));
    points.forEach(zero -> inputs.add(zero.name()));
    return lookUp(
        EMBEDDING + "/Gather_Q" + format.bits(),
        EMBEDDING + "/Gather/output_0",
        inputs,
        size,
        more);
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
    vector(prefix + ".weight", norm.weight());
    inputs.add(prefix + ".weight");
    norm.bias()
        .ifPresent(bias -> {
          vector(prefix + ".bias", bias);
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
      query = linear(name + "/qkv_proj", fused, input, place);
    } else {
      query = matmul(name + "/q_proj", attention.query(), input, place);
      key = matmul(name + "/k_proj", attention.key(), input, place);
      value = matmul(name + "/v_proj", attention.value(), input, place);
      query = bias(name + "/q_proj", attention.query(), query);
      key = bias(name + "/k_proj", attention.key(), key);
      value = bias(name + "/v_proj", attention.value(), value);
    }
    plainRotaryTables();
    boolean rotates = options.provider().fusesAttention();
    if (!rotates) {
      query = rotate(name + "/q_rotary/RotaryEmbedding", query, h.heads());
      key = rotate(name + "/k_rotary/RotaryEmbedding", key, h.keyValueHeads());
    }
    String output =
        attention.blocks().isPresent()
            ? blockAttention(name + "/SparseAttention", index, attention, query)
            : attention(name + "/GroupQueryAttention", index, attention, query, key, value);
    String projected =
        matmul(name + "/o_proj", attention.output(), output, ActivationPoint.ATTENDED.in(index));
    return attention
        .output()
        .bias()
        .map(bias -> addBias(name + "/o_proj", bias, projected))
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
        number("num_heads", h.heads()),
        number("kv_num_heads", h.keyValueHeads()),
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
        number("num_heads", h.heads()),
        number("kv_num_heads", h.keyValueHeads()),
        real("scale", attention.scale()),
        number("sparse_block_size", attention.blocks().orElseThrow().blockSize()),
        number("do_rotary", 1),
        number("rotary_interleaved", 0));
    return output;
  }

  private void plainRotaryTables() {
    if (hasRotaryTables) {
      return;
    }
    hasRotaryTables = true;
    RotaryCache cache =
        h.longRope().map(rope -> RotaryCache.shortTexts(h, rope)).orElse(RotaryCache.plain(h));
    List<RotaryTable.Stretch> all = List.of(new RotaryTable.Stretch(cache, h.context()));
    add(new RotaryTable("cos_cache", all, false, type));
    add(new RotaryTable("sin_cache", all, true, type));
  }

  private String rotate(String name, String input, int heads) {
    String output = name + "/output_0";
    boolean partial = h.ropeDimensions() != h.headSize();
    nodes.add(
        MICROSOFT,
        "RotaryEmbedding",
        name,
        List.of(input, positions, "cos_cache", "sin_cache"),
        List.of(output),
        number("interleaved", 0),
        number("num_heads", partial ? heads : 0),
        number("rotary_embedding_dim", partial ? h.ropeDimensions() : 0));
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
        String up = linear(name + "/fc1", plain.up(), input, place);
        String active =
            nodes.add("Gelu", name + "/act_fn/FastGelu", List.of(up), text("approximate", "tanh"));
        yield linear(name + "/fc2", plain.down(), active, product);
      }
      case FeedForward.Gegelu gegelu -> {
        String both = linear(name + "/up_proj", gegelu.gateUp(), input, place);
        String active = Gegelu.add(nodes, name, both, gegelu.limit(), type);
        yield linear(name + "/down_proj", gegelu.down(), active, product);
      }
      case FeedForward.Experts experts ->
          experts(name.replace("/mlp", "/moe"), experts, input, place);
    };
  }

  private String gated(
      String name,
      FeedForward.Gated gated,
      String input,
      ActivationPlace place,
      ActivationPlace productPlace) {
    String gate = linear(name + "/gate_proj", gated.gate(), input, place);
    String up = linear(name + "/up_proj", gated.up(), input, place);
    String sigmoid = nodes.add("Sigmoid", name + "/act_fn/Sigmoid", List.of(gate));
    String active = nodes.add("Mul", name + "/act_fn/Mul", List.of(gate, sigmoid));
    String product = nodes.add("Mul", name + "/Mul", List.of(active, up));
    return linear(name + "/down_proj", gated.down(), product, productPlace);
  }

  /**
   * Gate and up projection alternate row by row, as the operators want them.
   *
   * @param place of the input
   */
  private String experts(
      String name, FeedForward.Experts experts, String input, ActivationPlace place) {
    if (!options.provider().hasExperts()) {
      throw new PhialException.Unsupported(
          "--ep %s: its kernels run no mixture of experts; choose another provider"
              .formatted(options.provider().label()));
    }
    String scores =
        options.carries()
            ? matmul(name + "/gate", experts.router(), input, place)
            : plainMatmul(name + "/gate", experts.router(), input);
    SparseMixer.Routing routing = SparseMixer.add(nodes, name + "/router", experts, scores, type);
    String prefix = name.substring(1).replace('/', '.') + ".experts.";
    long count = experts.gate().shape().dimensions().getFirst();
    long width = experts.gate().matrixRows();
    List<Stored.Source> fused = new ArrayList<>();
    for (long expert = 0; expert < count; expert++) {
      long to = 2 * expert * width;
      fused.add(new Stored.Source(experts.gate(), expert * width, width, to, 2));
      fused.add(new Stored.Source(experts.up(), expert * width, width, to + 1, 2));
    }
    Optional<GroupInt> format = expertFormat(prefix, experts);
    List<String> gateUp = expertMatrix(prefix + "gate_up_proj", count, 2 * width, fused, format);
    List<String> down =
        expertMatrix(
            prefix + "down_proj",
            count,
            experts.down().matrixRows(),
            Stored.sources(Matrix.of(experts.down())),
            format);
    List<String> inputs = new ArrayList<>(List.of(input, routing.logits()));
    inputs.addAll(gateUp);
    inputs.add("");
    inputs.addAll(down);
    List<AttributeProto> attributes =
        new ArrayList<>(
            List.of(
                text("activation_type", "swiglu"),
                number("swiglu_fusion", 1),
                real("activation_alpha", 1),
                real("activation_beta", 0),
                number("k", experts.used()),
                number("normalize_routing_weights", 0)));
    boolean isQuantized = format.isPresent();
    if (isQuantized) {
      attributes.add(number("expert_weight_bits", format.get().bits()));
      attributes.add(number("block_size", format.get().blockSize()));
      if (options.provider() == Provider.CUDA) {
        attributes.add(number("weights_prepacked", 0));
      }
    }
    String output = name + "/output_0";
    nodes.add(
        MICROSOFT,
        isQuantized ? "QMoE" : "MoE",
        name,
        inputs,
        List.of(output),
        attributes.toArray(AttributeProto[]::new));
    String scaled = nodes.add("Mul", name + "/Mul", List.of(output, routing.factor()));
    if (isQuantized) {
      return scaled;
    }
    // ONNX Runtime 1.31 lets MoE write over an input it still reads, unless that is needed later
    String never = nodes.add("IsNaN", name + "/IsNaN", List.of(routing.factor()));
    return nodes.add("Where", name + "/Where", List.of(never, input, scaled));
  }

  /** One for all of them, as QMoE wants it; empty if they are numbers. */
  private Optional<GroupInt> expertFormat(String prefix, FeedForward.Experts experts) {
    int bits = options.precision().bits();
    if (!options.carries()) {
      return options.precision().isQuantized()
          ? Optional.of(Algorithm.DEFAULT.format(bits, options.blockSize(), true, type))
          : Optional.empty();
    }
    Optional<Recoding> recoding =
        recoding(prefix, List.of(experts.gate(), experts.up(), experts.down()));
    if (recoding.isPresent() && recoding.get().to().offset() != Coding.Offset.NONE) {
      throw new PhialException.Unsupported(
          "tensor %s: expected codes around zero, since QMoE has no zero points, found others; choose another target, or quantize anew without --carry"
              .formatted(prefix));
    }
    return recoding.map(GraphWriter::format);
  }

  /** Stores one matrix per expert, {@code [experts, rows, columns]}; returns weights and scales. */
  private List<String> expertMatrix(
      String name,
      long experts,
      long rows,
      List<Stored.Source> sources,
      Optional<GroupInt> quantized) {
    Weight weight = sources.getFirst().weight();
    long columns = weight.shape().columns();
    Shape shape = Shape.of(experts, rows, columns);
    if (quantized.isEmpty()) {
      Initializer all = Initializer.of(name + ".weight", OnnxType.of(type), experts, rows, columns);
      stored.add(
          new Stored(
              new PlainRows(all, columns, type),
              sources,
              List.of(PlannedTensor.of(name, weight, shape, plainFormat())),
              Stored.PLAIN));
      return List.of(all.name());
    }
    GroupInt format = quantized.get();
    int bits = format.bits();
    checkDivides(name, columns, format.blockSize());
    Initializer codes =
        Initializer.of(
            name + ".qweight", OnnxType.UINT8, experts, rows, columns * bits / Byte.SIZE);
    Initializer scales =
        Initializer.of(
            name + ".scales", OnnxType.of(type), experts, rows, columns / format.blockSize());
    stored.add(
        new Stored(
            new NBitsRows(
                List.of(codes, scales),
                format,
                type,
                columns,
                codes,
                scales,
                List.of(),
                false,
                recoding(name, sources.stream().map(Stored.Source::weight).toList())),
            sources,
            List.of(PlannedTensor.of(name, weight, shape, format)),
            Stored.PLAIN));
    return List.of(codes.name(), scales.name());
  }

  // --- after the layers

  private void head(String hidden) {
    String name = "/lm_head";
    String logits = matmul(name, decoder.output(), hidden, ActivationPoint.OUTPUT_NORM.once());
    if (decoder.output().bias().isPresent()) {
      logits = addBias(name, decoder.output().bias().get(), logits);
    }
    if (h.small().isPresent()) {
      Phi3SmallSettings small = h.small().get();
      String factor = nodes.real(type, 1 / small.logitDivisor());
      logits = nodes.add("Mul", name + "/Mul", List.of(logits, factor));
      add(new UnusedTokens(h.vocabulary(), small.unusedTokens()));
      String never = nodes.real(type, -type.largest());
      logits = nodes.add("Where", name + "/Where", List.of(UnusedTokens.NAME, never, logits));
    }
    if (type == FloatType.BF16) { // logits are wanted in single precision
      cast(name + "/Cast", logits, OnnxType.FLOAT);
    }
    nodes.nameLastOutput("logits");
  }

  // --- matrices and vectors

  private String linear(String name, Linear linear, String input, ActivationPlace place) {
    return bias(name, linear, matmul(name, linear, input, place));
  }

  private String bias(String name, Linear linear, String input) {
    return linear
        .bias()
        .filter(GraphWriter::isNotZero)
        .map(bias -> addBias(name, bias, input))
        .orElse(input);
  }

  private String addBias(String name, Vector bias, String input) {
    String tensor = name.substring(1).replace('/', '.') + ".Add.bias";
    vector(tensor, bias);
    return nodes.add("Add", name + "/Add", List.of(input, tensor));
  }

  private static boolean isNotZero(Vector vector) {
    for (float value : vector.values()) {
      if (value != 0) {
        return true;
      }
    }
    return false;
  }

  private String matmul(String base, Linear linear, String input, ActivationPlace place) {
    String name = base + "/MatMul";
    String output = name + "/output_0";
    String weight = name.substring(1).replace('/', '.') + ".weight";
    Matrix matrix = linear.weight();
    Optional<Recoding> recoding = recoding(weight, matrix);
    if (options.carries() ? recoding.isEmpty() : !options.precision().isQuantized()) {
      plainMatmul(name, weight, matrix, input, output);
      return output;
    }
    if (options.precision().roundsActivations()) {
      if (products.excludes(name, input)) {
        plainMatmul(name, weight, matrix, input, output);
      } else {
        roundedMatmul(name, weight, matrix, products.rounded(input, place), output);
      }
      return output;
    }
    GroupInt format = recoding.map(GraphWriter::format).orElseGet(() -> format(bits(name)));
    int size = format.blockSize();
    checkDivides(weight, matrix.columns(), size);
    int bits = format.bits();
    int pass = bits == options.precision().bits() ? Stored.QUANTIZED : Stored.UPGRADED;
    if (options.qdq()) {
      dequantizedMatmul(name, weight, matrix, input, output);
      return output;
    }
    List<Initializer> tensors =
        options.algorithm().initializers(weight, matrix.rows(), matrix.columns(), size, format);
    add(
        new NBitsRows(
            tensors,
            format,
            type,
            matrix.columns(),
            find(tensors, codes(tensors)),
            find(tensors, scales(tensors)),
            zeros(tensors).map(zero -> List.of(find(tensors, zero))).orElse(List.of()),
            false,
            recoding),
        weight,
        matrix,
        format,
        options.algorithm() == Algorithm.DEFAULT ? pass : Stored.QUANTIZED);
    List<String> inputs = new ArrayList<>(List.of(input, codes(tensors), scales(tensors)));
    zeros(tensors).ifPresent(inputs::add);
    List<AttributeProto> attributes =
        new ArrayList<>(
            List.of(
                number("K", matrix.columns()),
                number("N", matrix.rows()),
                number("bits", bits),
                number("block_size", size)));
    if (options.accuracyLevel() != 0) {
      attributes.add(number("accuracy_level", options.accuracyLevel()));
    }
    nodes.add(
        MICROSOFT,
        "MatMulNBits",
        name + "_Q" + bits,
        inputs,
        List.of(output),
        attributes.toArray(AttributeProto[]::new));
    return output;
  }

  /** A small matrix that decides much stays as it is. */
  private String plainMatmul(String base, Linear linear, String input) {
    String name = base + "/MatMul";
    String output = name + "/output_0";
    plainMatmul(
        name, name.substring(1).replace('/', '.') + ".weight", linear.weight(), input, output);
    return output;
  }

  private void plainMatmul(String name, String weight, Matrix matrix, String input, String output) {
    add(
        new PlainColumns(weight, matrix.rows(), matrix.columns(), type),
        weight,
        matrix,
        plainFormat(),
        Stored.PLAIN);
    nodes.add("", "MatMul", name, List.of(input, weight), List.of(output));
  }

  private void roundedMatmul(
      String name, String weight, Matrix matrix, String input, String output) {
    GroupInt format = RoundedProducts.format(matrix.columns());
    SignedColumns storage =
        new SignedColumns(
            weight.replaceFirst("\\.weight$", ""),
            matrix.rows(),
            matrix.columns(),
            format,
            Optional.empty());
    add(storage, weight, matrix, format, Stored.PLAIN);
    products.multiply(name, input, storage.initializers(), output);
  }

  private void dequantizedMatmul(
      String name, String weight, Matrix matrix, String input, String output) {
    if (matrix.rows() % 2 != 0) {
      throw new PhialException.Unsupported(
          "--qdq: tensor %s: expected an even number of rows, found %d; leave --qdq away"
              .formatted(weight, matrix.rows()));
    }
    GroupInt format =
        new GroupInt(4, options.blockSize(), type, new MinMax(4, options.symmetric(), type, true));
    QdqColumns storage = new QdqColumns(weight, matrix.rows(), matrix.columns(), type, format);
    add(storage, weight, matrix, format, Stored.QUANTIZED);
    String plain = weight + "_DQ_Q4_output";
    nodes.add(
        "",
        "DequantizeLinear",
        name + "_DQ_Q4",
        storage.initializers().stream().map(Initializer::name).toList(),
        List.of(plain),
        number("axis", 0),
        number("block_size", options.blockSize()));
    nodes.add("", "MatMul", name + "_matmul_Q4", List.of(input, plain), List.of(output));
  }

  /** The format of weights in {@code bits} bits. */
  private GroupInt format(int bits) {
    return options.algorithm().format(bits, options.blockSize(), options.symmetric(), type);
  }

  /** How the codes of a matrix come here as they are, where that is asked for and it has some. */
  private Optional<Recoding> recoding(String weight, Matrix matrix) {
    return recoding(weight, matrix.parts().stream().map(Matrix.Rows::weight).toList());
  }

  private Optional<Recoding> recoding(String name, List<Weight> weights) {
    return options.carries()
        ? recodings.computeIfAbsent(
            name,
            n ->
                Carry.of(n, weights, from -> Carry.integers(from, OnnxOptions.CARRIED_SIZES), type))
        : Optional.empty();
  }

  private static GroupInt format(Recoding recoding) {
    Coding to = recoding.to();
    return new GroupInt(
        to.bits(), to.groupSize(), recoding.type(), new Given(to.offset() != Coding.Offset.NONE));
  }

  /** The bits of a MatMul, which the options may have raised. */
  private int bits(String node) {
    boolean upgraded =
        options.mixed().contains(OnnxOptions.LAST_MATMUL) && node.equals("/lm_head/MatMul")
            || options.mixed().contains(OnnxOptions.MIXED_LAYERS)
                && Sensitive.isUpgraded(node, h.layers());
    return upgraded ? Precision.INT8.bits() : options.precision().bits();
  }

  private void checkDivides(String weight, long columns, int size) {
    if (columns % size != 0) {
      throw new PhialException.Unsupported(
          "tensor %s: expected rows that divide by the block size %d, found %d columns; choose another --block-size"
              .formatted(weight, size, columns));
    }
  }

  private static String codes(List<Initializer> tensors) {
    return only(tensors, "_Q");
  }

  private static String scales(List<Initializer> tensors) {
    return only(tensors, "_scale");
  }

  private static Optional<String> zeros(List<Initializer> tensors) {
    return tensors.stream()
        .map(Initializer::name)
        .filter(name -> name.endsWith("_zero_points") || name.endsWith("_zp"))
        .findFirst();
  }

  private static String only(List<Initializer> tensors, String mark) {
    return tensors.stream()
        .map(Initializer::name)
        .filter(name -> name.substring(name.lastIndexOf('_')).startsWith(mark))
        .findFirst()
        .orElseThrow();
  }

  private static Initializer find(List<Initializer> tensors, String name) {
    return tensors.stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
  }

  private void vector(String name, Vector vector) {
    Initializer initializer = Initializer.of(name, OnnxType.of(type), vector.size());
    Weight weight = vector.parts().getFirst().weight();
    stored.add(
        new Stored(
            new PlainRows(initializer, 1, type),
            Stored.sources(vector),
            List.of(PlannedTensor.of(name, weight, Shape.of(vector.size()), plainFormat())),
            Stored.PLAIN));
  }

  private void add(Storage storage, String name, Matrix matrix, Format format, int pass) {
    Weight weight = matrix.parts().getFirst().weight();
    stored.add(
        new Stored(
            storage,
            Stored.sources(matrix),
            List.of(
                PlannedTensor.of(name, weight, Shape.of(matrix.rows(), matrix.columns()), format)),
            pass));
  }

  /** What follows from no parameter. */
  private void add(Storage table) {
    stored.add(new Stored(table, List.of(), List.of(), Stored.PLAIN));
  }

  private Format plainFormat() {
    return switch (type) {
      case F32 -> Formats.F32;
      case F16 -> Formats.F16;
      case BF16 -> Formats.BF16;
    };
  }

  // --- the model around the nodes

  private ModelProto model() {
    GraphProto.Builder graph =
        GraphProto.newBuilder().setName("main_graph").addAllNode(nodes.all());
    inputsAndOutputs(graph);
    graph.addAllInitializer(inside);
    Protos.addInitializers(graph, stored);
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .setProducerName("phial")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(MICROSOFT).setVersion(1))
        .setGraph(graph)
        .build();
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
        name, OnnxType.of(type), "batch_size", (long) h.keyValueHeads(), length, "kv_cache_dim");
  }
}
