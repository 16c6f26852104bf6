package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.graph;
import static dev.phial.targets.onnx.Nodes.number;
import static dev.phial.targets.onnx.Nodes.numbers;
import static dev.phial.targets.onnx.Nodes.real;
import static dev.phial.targets.onnx.Nodes.text;
import static dev.phial.targets.onnx.Protos.value;

import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.graph.Norm;
import dev.phial.graph.Vector;
import dev.phial.graph.VisionGraph;
import dev.phial.graph.VisionOperations;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Part;
import dev.phial.model.Vision;
import dev.phial.model.VisionRole;
import dev.phial.model.Weight;
import dev.phial.quant.activation.ActivationPoint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;

/**
 * Lays an encoder of squares of images down in ONNX's operators, with what is done to its rows
 * before the text model reads them: four patches become one row, squares are put together to the
 * image again, a row ends each of its rows, one stands before the whole, and the projector follows.
 */
final class VisionWriter implements VisionOperations<String> {
  static final String GRAPH = "vision.onnx";
  private static final String PIXELS = "pixel_values";
  private static final String SIZES = "image_sizes"; // in pixels, height first
  private static final String FEATURES = "image_features";

  /** Of GELU as CLIP has it. */
  private static final float QUICK = 1.702f;

  private final Vision vision;
  private final OnnxOptions options;
  private final Nodes nodes = new Nodes();
  private final OnnxData data;
  private final Projections projections;
  private final Map<String, Integer> names = new HashMap<>();

  private VisionWriter(Vision vision, Hyperparameters h, OnnxOptions options, OnnxData data) {
    this.vision = vision;
    this.options = options;
    this.data = data;
    this.projections = new Projections(h, options, nodes, data, RoundedProducts.none(nodes));
  }

  /**
   * Writes the graph from squares of images to rows in the place of tokens.
   *
   * @param h of the text model
   * @param options of the encoder
   * @param data receives what lies beside the graph
   */
  static ModelProto write(Vision vision, Hyperparameters h, OnnxOptions options, OnnxData data) {
    return new VisionWriter(vision, h, options, data).write();
  }

  private ModelProto write() {
    VisionGraph<String> graph = new VisionGraph<>(vision, this);
    String rows = images(merged(graph.encode(PIXELS)));
    graph.project(rows);
    nodes.nameLastOutput(FEATURES);
    long side = (long) vision.side() * vision.patch();
    OnnxType type = OnnxType.of(options.activations());
    return Protos.model(
        GraphProto.newBuilder()
            .setName("vision")
            .addAllNode(nodes.all())
            .addInput(value(PIXELS, type, "num_images", "num_squares", 3L, side, side))
            .addInput(value(SIZES, OnnxType.INT64, "num_images", 2L))
            .addOutput(value(FEATURES, type, "num_image_tokens", (long) vision.text())),
        data);
  }

  // --- what is done to the rows of the encoder

  /** Four patches as one row: {@code [images, squares, half, half, 4 · hidden]}. */
  private String merged(String rows) {
    long half = vision.side() / 2;
    String cut = reshape(rows, nodes.list(-1, half, 2, half, 2, vision.hidden()));
    String turned = add("Transpose", List.of(cut), numbers("perm", 0, 1, 3, 2, 4, 5));
    String images = add("Shape", List.of(PIXELS), number("start", 0), number("end", 2));
    String shape = concat(0, images, nodes.list(half, half, vision.given()));
    return reshape(turned, shape);
  }

  /**
   * The rows of all images, one image after the other: that of its parts, the separator, that of
   * the whole, which is the first of its squares.
   */
  private String images(String squares) {
    long half = vision.side() / 2;
    String separator = row(VisionRole.SEPARATOR, 1, vision.given());
    String end = row(VisionRole.ROW_END, 1, 1, vision.given());
    Nodes body = new Nodes(); // its constants are those of the graph around it
    String zero = nodes.scalar(0);
    String zeros = nodes.list(0);
    String ones = nodes.list(1);
    String side = nodes.scalar((long) vision.side() * vision.patch());
    String square = nodes.list(half, half, vision.given());
    String perSide = nodes.scalar(half);
    String given = nodes.list(vision.given());
    String flat = nodes.list(-1, vision.given());
    String single = nodes.list(1, vision.given());
    String none = add("Slice", List.of(separator, zeros, zeros, zeros));
    String count = add("Shape", List.of(SIZES), number("start", 0), number("end", 1));

    String own = in(body, "Gather", List.of(squares, "image"), number("axis", 0));
    String size = in(body, "Gather", List.of(SIZES, "image"), number("axis", 0));
    String grid = in(body, "Div", List.of(size, side));
    String parts = in(body, "ReduceProd", List.of(grid), number("keepdims", 1));
    String last = in(body, "Add", List.of(parts, ones));
    String cut = in(body, "Slice", List.of(own, ones, last, zeros));
    String apart = in(body, "Concat", List.of(grid, square), number("axis", 0));
    String placed = in(body, "Reshape", List.of(cut, apart));
    String turned = in(body, "Transpose", List.of(placed), numbers("perm", 0, 2, 1, 3, 4));
    String area = in(body, "Mul", List.of(grid, perSide));
    String together = in(body, "Concat", List.of(area, given), number("axis", 0));
    String image = in(body, "Reshape", List.of(turned, together));
    String whole = in(body, "Gather", List.of(own, zero), number("axis", 0));
    String all =
        in(
            body,
            "Concat",
            List.of(
                "before",
                withEnds(body, image, end, single, flat),
                separator,
                withEnds(body, whole, end, single, flat)),
            number("axis", 0));
    String goesOn = in(body, "Identity", List.of("goes_on"));
    OnnxType type = OnnxType.of(options.activations());
    GraphProto loop =
        GraphProto.newBuilder()
            .setName("images")
            .addAllNode(body.all())
            .addInput(value("image", OnnxType.INT64))
            .addInput(value("goes_on", OnnxType.BOOL))
            .addInput(value("before", type, "rows_before", vision.given()))
            .addOutput(value(goesOn, OnnxType.BOOL))
            .addOutput(value(all, type, "rows_then", vision.given()))
            .build();
    return add("Loop", List.of(count, "", none), graph("body", loop));
  }

  /** The rows of an image one below the other, something at the end of each of its rows. */
  private String withEnds(Nodes body, String image, String end, String single, String flat) {
    String height = in(body, "Shape", List.of(image), number("start", 0), number("end", 1));
    String shape = in(body, "Concat", List.of(height, single), number("axis", 0));
    String ends = in(body, "Expand", List.of(end, shape));
    String wide = in(body, "Concat", List.of(image, ends), number("axis", 1));
    return in(body, "Reshape", List.of(wide, flat));
  }

  /** A row that stands for itself. */
  private String row(VisionRole role, long... shape) {
    Weight weight = vision.weight(role, -1, Part.WEIGHT);
    return reshape(vector(Vector.of(weight)), nodes.list(shape));
  }

  private String vector(Vector vector) {
    String name = vector.parts().getFirst().weight().huggingFaceName();
    projections.vector(name, vector);
    return name;
  }

  // --- nodes

  private String add(String op, List<String> inputs, AttributeProto... attributes) {
    return in(nodes, op, inputs, attributes);
  }

  private String in(Nodes to, String op, List<String> inputs, AttributeProto... attributes) {
    return to.add(op, name(op), inputs, attributes);
  }

  private String name(String op) {
    return "/vision/%s_%d".formatted(op, names.merge(op, 1, Integer::sum));
  }

  private String reshape(String x, String shape) {
    return add("Reshape", List.of(x, shape));
  }

  private String concat(int axis, String... parts) {
    return add("Concat", List.of(parts), number("axis", axis));
  }

  // --- the encoder

  @Override
  public String patches(String images, int side, int patch) {
    String cut = reshape(images, nodes.list(-1, 3, side, patch, side, patch));
    String turned = add("Transpose", List.of(cut), numbers("perm", 0, 2, 4, 1, 3, 5));
    return reshape(turned, nodes.list(-1, (long) side * side, 3L * patch * patch));
  }

  @Override
  public String withFirst(Vector row, String rows) {
    String images = add("Shape", List.of(rows), number("start", 0), number("end", 1));
    String shape = concat(0, images, nodes.list(1, row.size()));
    return concat(1, add("Expand", List.of(vector(row), shape)), rows);
  }

  @Override
  public String withoutFirst(String rows) {
    String one = nodes.list(1);
    return add("Slice", List.of(rows, one, nodes.list(Long.MAX_VALUE), one));
  }

  @Override
  public String plus(String rows, Weight all) {
    return plus(rows, projections.table(all.huggingFaceName(), Matrix.of(all)));
  }

  @Override
  public String plus(String a, String b) {
    return add("Add", List.of(a, b));
  }

  @Override
  public String norm(Norm norm, String rows) {
    List<String> inputs = List.of(rows, vector(norm.weight()), vector(norm.bias().orElseThrow()));
    return add(
        "LayerNormalization",
        inputs,
        real("epsilon", norm.epsilon()),
        number("axis", -1),
        number("stash_type", 1));
  }

  @Override
  public String linear(Linear linear, String rows) {
    Weight weight = linear.weight().parts().getFirst().weight();
    String name = "/" + weight.huggingFaceName().replaceFirst("\\.weight$", "");
    boolean divides = linear.inputs() % options.blockSize() == 0;
    return divides
        ? projections.linear(name, linear, rows, ActivationPoint.ATTENTION_NORM.once())
        : projections.bias(name, linear, projections.plainMatmul(name, linear, rows));
  }

  @Override
  public String attention(String queries, String keys, String values, int heads, Linear like) {
    String name = name("MultiHeadAttention");
    String output = name + "/output_0";
    nodes.add(
        MICROSOFT,
        "MultiHeadAttention",
        name,
        List.of(queries, keys, values),
        List.of(output),
        number("num_heads", heads));
    return output;
  }

  @Override
  public String quickGelu(String x) {
    String factor = nodes.real(options.activations(), QUICK);
    String gate = add("Sigmoid", List.of(add("Mul", List.of(x, factor))));
    return add("Mul", List.of(x, gate));
  }

  @Override
  public String gelu(String x) {
    return add("Gelu", List.of(x), text("approximate", "none"));
  }

  @Override
  public String tanhGelu(String x) {
    return add("Gelu", List.of(x), text("approximate", "tanh"));
  }
}
