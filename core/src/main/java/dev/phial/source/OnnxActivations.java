package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.source.OnnxGraph.Node;
import dev.phial.tensor.DType;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a graph rounds activations: QuantizeLinear and DequantizeLinear, one after the other,
 * before a MatMul whose matrix tells the place.
 */
final class OnnxActivations {
  private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d{1,6})\\.(.+)");

  private static final String PLACES = "/activations/";

  private final Path file;
  private final OnnxGraph graph;
  private final Map<String, Node> producers;

  /** For each place that a matrix reads, its codes or that it has none. */
  private final Map<ActivationPlace, Optional<ActivationCodes>> found = new TreeMap<>();

  private OnnxActivations(Path file, OnnxGraph graph, Map<String, Node> producers) {
    this.file = file;
    this.graph = graph;
    this.producers = producers;
  }

  /**
   * @param producers the node of every value
   * @param matrices the matrix that a MatMul multiplies with, {@code model.layers.0.attn.o_proj},
   *     by the name of its output
   * @throws PhialException.BadInput if scales or zero points are none
   * @throws PhialException.Unsupported if activations are rounded where Phial does not
   */
  static Map<ActivationPlace, ActivationCodes> read(
      Path file, OnnxGraph graph, Map<String, Node> producers, Map<String, String> matrices) {
    OnnxActivations activations = new OnnxActivations(file, graph, producers);
    Map<ActivationPlace, ActivationCodes> everywhere = activations.everywhere();
    if (!everywhere.isEmpty()) {
      return everywhere;
    }
    for (Node node : graph.nodes()) {
      activations.add(node, matrices);
    }
    Map<ActivationPlace, ActivationCodes> codes = new HashMap<>();
    activations.found.forEach((place, own) -> own.ifPresent(known -> codes.put(place, known)));
    return codes;
  }

  /** In a static graph the nodes that round are called by their places. */
  private Map<ActivationPlace, ActivationCodes> everywhere() {
    Map<ActivationPlace, ActivationCodes> codes = new HashMap<>();
    for (Node node : graph.nodes()) {
      if (node.op().equals("QuantizeLinear") && node.name().contains(PLACES)) {
        ActivationPlace place =
            ActivationPlace.atPath(node.name().substring(1))
                .orElseThrow(() ->
                    Refusal.unsupported(
                        file,
                        "node %s: expected a place where Phial rounds activations, found another",
                        node.name()));
        codes.put(place, codes(node));
      }
    }
    return codes;
  }

  private void add(Node node, Map<String, String> matrices) {
    Optional<ActivationPlace> place =
        node.op().equals("MatMul") && !node.outputs().isEmpty()
            ? Optional.ofNullable(matrices.get(node.outputs().getFirst())).flatMap(this::place)
            : Optional.empty();
    for (int i = 0; i < node.inputs().size(); i++) {
      Node producer = producers.get(node.input(i));
      if (producer != null
          && producer.op().equals("QuantizeLinear")
          && !(i == 0 && node.op().equals("DequantizeLinear"))) {
        throw Refusal.unsupported(
            file,
            "node %s: expected DequantizeLinear after QuantizeLinear, found %s",
            node.name(),
            node.op());
      }
      Optional<ActivationCodes> codes =
          producer == null ? Optional.empty() : rounding(producer).map(q -> codes(q, producer));
      if (i == 0 && place.isPresent()) {
        put(node, place.get(), codes);
      } else if (codes.isPresent()) {
        throw Refusal.unsupported(
            file,
            "node %s: expected activations to be rounded before a product with the matrix of a decoder, found them rounded before this",
            node.name());
      }
    }
  }

  private void put(Node node, ActivationPlace place, Optional<ActivationCodes> codes) {
    Optional<ActivationCodes> known = found.put(place, codes);
    if (known != null && !known.equals(codes)) {
      throw Refusal.unsupported(
          file,
          "node %s: expected all that read %s to read the same, found it rounded in several ways",
          node.name(),
          place);
    }
  }

  /** The place that the input of a matrix comes from. */
  private Optional<ActivationPlace> place(String matrix) {
    if (matrix.equals("lm_head")) {
      return Optional.of(ActivationPoint.OUTPUT_NORM.once());
    }
    Matcher matcher = LAYER.matcher(matrix);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    int layer = Integer.parseInt(matcher.group(1));
    boolean parallel =
        !graph
            .initializers()
            .containsKey("model.layers.%d.post_attention_layernorm.weight".formatted(layer));
    return switch (matcher.group(2)) {
      case "attn.qkv_proj", "attn.q_proj", "attn.k_proj", "attn.v_proj" ->
          Optional.of(ActivationPoint.ATTENTION_NORM.in(layer));
      case "attn.o_proj" -> Optional.of(ActivationPoint.ATTENDED.in(layer));
      case "mlp.gate_proj", "mlp.up_proj", "mlp.fc1" ->
          Optional.of(
              parallel
                  ? ActivationPoint.ATTENTION_NORM.in(layer)
                  : ActivationPoint.FEED_FORWARD_NORM.in(layer));
      case "mlp.down_proj", "mlp.fc2" ->
          Optional.of(ActivationPoint.FEED_FORWARD_PRODUCT.in(layer));
      default -> Optional.empty();
    };
  }

  /** The QuantizeLinear that a DequantizeLinear takes back. */
  private Optional<Node> rounding(Node dequantize) {
    return dequantize.op().equals("DequantizeLinear")
        ? Optional.ofNullable(producers.get(dequantize.input(0)))
            .filter(node -> node.op().equals("QuantizeLinear"))
        : Optional.empty();
  }

  private ActivationCodes codes(Node quantize, Node dequantize) {
    ActivationCodes codes = codes(quantize);
    if (!codes.equals(codes(dequantize))) {
      throw Refusal.unsupported(
          file,
          "node %s: expected the scale and zero point of node %s, found others",
          dequantize.name(),
          quantize.name());
    }
    return codes;
  }

  private ActivationCodes codes(Node node) {
    Tensor scale = scalar(node, 1);
    Tensor zero = scalar(node, 2);
    if (scale.encoding() != DType.F32
        || zero.encoding() != DType.U8 && zero.encoding() != DType.U16) {
      throw Refusal.unsupported(
          file,
          "node %s: expected activations in 8 or 16 bits without sign and a scale in F32, found %s and %s",
          node.name(),
          zero.encoding().name(),
          scale.encoding().name());
    }
    float step = value(scale);
    if (!(step > 0) || !Float.isFinite(step)) {
      throw Refusal.bad(file, "node %s: expected a scale above 0, found %s", node.name(), step);
    }
    int bits = zero.encoding() == DType.U8 ? Byte.SIZE : Short.SIZE;
    return new ActivationCodes(bits, step, (int) value(zero));
  }

  private Tensor scalar(Node node, int input) {
    Optional<Tensor> tensor = graph.constant(node.input(input));
    if (tensor.isEmpty() || tensor.get().shape().elements() != 1) {
      throw Refusal.unsupported(
          file,
          "node %s: expected one number that the graph holds as input %d, found %s",
          node.name(),
          input,
          tensor.map(t -> t.shape().toString()).orElse("none"));
    }
    return tensor.get();
  }

  private static float value(Tensor scalar) {
    float[] value = new float[1];
    scalar.read(0, 1, value, 0);
    return value[0];
  }
}
