package dev.phial.targets.openvino;

import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.graph.Norm;
import dev.phial.graph.Vector;
import dev.phial.graph.VisionGraph;
import dev.phial.graph.VisionOperations;
import dev.phial.model.Vision;
import dev.phial.model.Weight;
import java.util.List;

/**
 * Lays an encoder of images and its projector down in OpenVINO's operations, as two graphs with the
 * inputs and outputs that optimum-intel's export gives them.
 */
final class VisionWriter implements VisionOperations<Value> {
  private static final long UNKNOWN = Value.UNKNOWN;

  /** Of GELU as CLIP has it. */
  private static final float QUICK = 1.702f;

  private final Parameters parameters;
  private final Ir ir;

  private VisionWriter(Parameters parameters) {
    this.parameters = parameters;
    this.ir = parameters.ir();
  }

  /** Writes the graph from squares of images to what is said of their patches. */
  static void writeEncoder(Vision vision, Parameters parameters) {
    VisionWriter writer = new VisionWriter(parameters);
    Value images =
        writer.ir.parameter("pixel_values", ElementType.F32, UNKNOWN, 3L, UNKNOWN, UNKNOWN);
    writer.finish(new VisionGraph<>(vision, writer).encode(images));
  }

  /** Writes the graph from that to embeddings. */
  static void writeProjector(Vision vision, Parameters parameters) {
    VisionWriter writer = new VisionWriter(parameters);
    Value rows = writer.ir.parameter("input", ElementType.F32, UNKNOWN, UNKNOWN, vision.given());
    writer.finish(new VisionGraph<>(vision, writer).project(rows));
  }

  private void finish(Value rows) {
    ir.result(rows, "last_hidden_state");
  }

  @Override
  public Value patches(Value images, int side, int patch) {
    ir.scope("patches");
    Value cut =
        ir.reshape(
            images,
            false,
            ir.list(-1, 3, side, patch, side, patch),
            UNKNOWN,
            3L,
            (long) side,
            (long) patch,
            (long) side,
            (long) patch);
    long places = (long) side * side;
    long pixels = 3L * patch * patch;
    return ir.reshape(
        ir.transpose(cut, 0, 2, 4, 1, 3, 5),
        false,
        ir.list(-1, places, pixels),
        UNKNOWN,
        places,
        pixels);
  }

  @Override
  public Value withFirst(Vector row, Value rows) {
    Value images =
        ir.gather(ir.shapeOf(rows, ElementType.I64), ir.list(0), ir.number(0), List.of(1L));
    Value shape = ir.concat(0, List.of(images, ir.list(1, row.size())));
    Value firsts =
        ir.broadcast(parameters.vector(row), shape, "numpy", UNKNOWN, 1L, (long) row.size());
    return ir.concat(1, List.of(firsts, rows));
  }

  @Override
  public Value withoutFirst(Value rows) {
    List<Long> shape = List.of(UNKNOWN, rows.shape().get(1) - 1, rows.shape().getLast());
    return ir.slice(rows, ir.list(1), ir.list(Long.MAX_VALUE), 1, shape);
  }

  @Override
  public Value plus(Value rows, Weight all) {
    Value numbers = parameters.matrix(IrMatrix.of(Matrix.of(all)), "positions", 1);
    return plus(rows, numbers);
  }

  @Override
  public Value plus(Value a, Value b) {
    return ir.elementwise("Add", a, b);
  }

  @Override
  public Value norm(Norm norm, Value rows) {
    return parameters.norm(norm, rows);
  }

  @Override
  public Value linear(Linear linear, Value rows) {
    return parameters.linear(linear, rows);
  }

  @Override
  public Value attention(Value queries, Value keys, Value values, int heads, Linear like) {
    String module = IrMatrix.of(like.weight()).module();
    ir.scope("__module." + module.substring(0, module.lastIndexOf('.')));
    long width = queries.shape().getLast();
    Value query = ir.heads(queries, heads, width / heads);
    Value attended =
        ir.add(
            "ScaledDotProductAttention",
            "opset13",
            Ir.attributes("causal", false),
            List.of(
                query,
                ir.heads(keys, heads, width / heads),
                ir.heads(values, heads, width / heads)),
            ElementType.F32,
            query.shape());
    return ir.joined(attended, width);
  }

  @Override
  public Value quickGelu(Value x) {
    Value scaled = ir.elementwise("Multiply", x, parameters.floats(Ir.dimensions(1, 1, 1), QUICK));
    return ir.elementwise("Multiply", x, ir.map("Sigmoid", "opset1", scaled));
  }

  @Override
  public Value gelu(Value x) {
    return ir.gelu(x, "ERF");
  }

  @Override
  public Value tanhGelu(Value x) {
    return ir.gelu(x, "TANH");
  }
}
