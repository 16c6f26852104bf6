package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.graph.Norm;
import dev.phial.graph.Vector;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Rotary;
import dev.phial.model.Rows;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.TensorInt;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.method.SignedSymmetric;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.onnx.OnnxData.Turn;
import dev.phial.targets.onnx.QdqNodes.Signal;
import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The parameters that the graphs of one model share, each stored once, by the first graph that asks
 * for it.
 */
final class StaticParameters {
  private static final int ROWS = 256; // that are looked at together

  private final DecoderGraph decoder;
  private final Hyperparameters h;
  private final ActivationScales scales;
  private final Rotary cache;
  private final int positions;
  private final OnnxData data;
  private final Set<String> stored = new HashSet<>();
  private final Map<String, ActivationCodes> codes = new LinkedHashMap<>();

  StaticParameters(
      DecoderGraph decoder, ActivationScales scales, Rotary cache, int positions, OnnxData data) {
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
    this.scales = scales;
    this.cache = cache;
    this.positions = positions;
    this.data = data;
  }

  DecoderGraph decoder() {
    return decoder;
  }

  /** What is stored so far. */
  OnnxData data() {
    return data;
  }

  // --- rotary tables

  /** Whose cosines and sines a table holds; those of queries are scaled like the scores. */
  record Rotation(String label, ActivationPoint point, boolean isScaled) {}

  static final Rotation QUERY_ROTATION =
      new Rotation("query", ActivationPoint.QUERY_ROTATION, true);
  static final Rotation KEY_ROTATION = new Rotation("key", ActivationPoint.KEY_ROTATION, false);

  /** Cosines or sines, {@code [context, headSize]}; dimensions that do not rotate have 1 and 0. */
  Signal table(QdqNodes qdq, Rotation rotary, boolean sine) {
    String name = "model.rotary." + rotary.label + (sine ? ".sines" : ".cosines");
    float factor = (float) (rotary.isScaled ? decoder.layers().getFirst().attention().scale() : 1);
    float most = Math.max(1, cache.scale()) * factor;
    ActivationCodes both = scales.of(new float[] {-most, most});
    if (stored.add(name)) {
      constant(name, table(factor, sine), both, positions, h.attention().headSize());
    }
    return qdq.dequantize(name, "/" + name, both);
  }

  private float[] table(float factor, boolean sine) {
    int size = h.attention().headSize();
    int half = cache.columns();
    float[] values = new float[Math.multiplyExact(positions, size)];
    for (int position = 0; position < positions; position++) {
      int row = position * size;
      for (int i = 0; i < half; i++) {
        float value = sine ? cache.sine(position, i) : cache.cosine(position, i);
        values[row + i] = (sine ? -value : value) * factor;
        values[row + half + i] = value * factor;
      }
      for (int i = 2 * half; i < size; i++) {
        values[row + i] = sine ? 0 : factor;
      }
    }
    return values;
  }

  // --- parameters

  Signal embedding(QdqNodes qdq) {
    Matrix table = decoder.embedding();
    String name = "model.embed_tokens.weight_quantized";
    ActivationCodes all = codes.computeIfAbsent(name, n -> scales.of(extremes(table)));
    if (stored.add(name)) {
      TensorInt format = new TensorInt(all);
      Initializer initializer =
          Initializer.of(name, QdqNodes.type(all), table.rows(), table.columns());
      PlannedTensor tensor = Projections.planned(name, table, format);
      data.add(tensor, RowStore.of(tensor, initializer), Turn.PLAIN);
    }
    return qdq.dequantize(name, "/" + name, all);
  }

  private static float[] extremes(Matrix matrix) {
    float[] extremes = new float[2];
    for (Rows rows : matrix.parts()) {
      int columns = Math.toIntExact(rows.weight().shape().columns());
      float[] values = new float[ROWS * columns];
      for (long row = rows.first(); row < rows.first() + rows.count(); row += ROWS) {
        int count = (int) Math.min(ROWS, rows.first() + rows.count() - row);
        rows.weight().read(row, count, values);
        for (int i = 0; i < count * columns; i++) {
          extremes[0] = Math.min(extremes[0], values[i]);
          extremes[1] = Math.max(extremes[1], values[i]);
        }
      }
    }
    for (float extreme : extremes) {
      if (!Float.isFinite(extreme)) {
        throw new PhialException.BadInput(
            "tensor %s: expected finite numbers, found %s; the checkpoint is damaged or overflowed in training"
                .formatted(matrix.parts().getFirst().weight().huggingFaceName(), extreme));
      }
    }
    return extremes;
  }

  /** The inputs of a norm after the first. */
  List<String> norm(QdqNodes qdq, String name, Norm norm) {
    String prefix = name.substring(1).replace('/', '.');
    List<String> inputs = new ArrayList<>(List.of(vector(qdq, prefix + ".weight", norm.weight())));
    norm.bias().ifPresent(bias -> inputs.add(vector(qdq, prefix + ".bias", bias)));
    return inputs;
  }

  private String vector(QdqNodes qdq, String prefix, Vector vector) {
    String name = prefix + "_quantized";
    float[] values = finite(vector);
    ActivationCodes all = scales.of(values);
    if (stored.add(name)) {
      constant(name, values, all, values.length);
    }
    return qdq.dequantize(name, "/" + name, all).name();
  }

  /** Vectors are read here and not in the pass, which looks at what it hands out. */
  private static float[] finite(Vector vector) {
    float[] values = vector.values();
    for (float value : values) {
      if (!Float.isFinite(value)) {
        Tensor tensor = vector.parts().getFirst().weight().slices().getFirst();
        throw new PhialException.BadInput(
            "%s: tensor %s: expected finite numbers, found %s; the checkpoint is damaged or overflowed in training"
                .formatted(tensor.file(), tensor.name(), value));
      }
    }
    return values;
  }

  private void constant(String name, float[] values, ActivationCodes codes, long... dimensions) {
    TensorInt format = new TensorInt(codes);
    byte[] bytes = new byte[values.length * format.blockBytes()];
    format.encode(values, 0, values.length, bytes, 0);
    Initializer initializer = Initializer.of(name, QdqNodes.type(codes), dimensions);
    data.add(initializer, Content.of(bytes));
  }

  /**
   * The inputs of MatMul or, with a bias, Gemm after the first.
   *
   * @param bits of the weights
   * @param inputScale of the codes of the first input
   */
  List<String> matrix(QdqNodes qdq, String name, Linear linear, int bits, float inputScale) {
    String prefix = name.substring(1).replace('/', '.');
    Matrix matrix = linear.weight();
    Optional<Vector> bias = linear.bias();
    if (stored.add(prefix)) {
      if (bits == 4 && matrix.rows() % 2 != 0) {
        throw new PhialException.Unsupported(
            "--ep qnn: tensor %s: expected an even number of outputs, of which two make a byte, found %d; choose onnx:int8"
                .formatted(prefix, matrix.rows()));
      }
      GroupInt format =
          new GroupInt(
              bits, Math.toIntExact(matrix.columns()), FloatType.F32, new SignedSymmetric(bits));
      SignedColumns store =
          new SignedColumns(
              prefix,
              matrix.rows(),
              matrix.columns(),
              format,
              bias.map(vector -> new SignedColumns.Bias(finite(vector), inputScale)));
      PlannedTensor tensor = Projections.planned(prefix + ".weight", matrix, format);
      data.add(tensor, store, Turn.QUANTIZED);
    }
    List<String> inputs = new ArrayList<>();
    inputs.add(qdq.dequantize(prefix + ".weight_quantized", prefix + ".weight_scale", 1));
    if (bias.isPresent()) {
      inputs.add(qdq.dequantize(prefix + ".bias_quantized", prefix + ".bias_scale", 0));
    }
    return inputs;
  }
}
