package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.BitsandbytesInt8;
import dev.phial.quant.TableCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.FlatScales;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.Scales;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Layers as bitsandbytes packs them. Of 4 bits: {@code weight} U8 {@code [out · in / 2, 1]}, codes
 * into {@code weight.quant_map}, a scale {@code weight.absmax} for every block of the matrix row
 * after row, and {@code weight.quant_state.*}, JSON in bytes. With double quantization the scales
 * are codes of 8 bits themselves: {@code nested_quant_map[code] · nested_absmax + nested_offset}.
 * Of 8 bits: {@code weight} I8, {@code SCB} the largest magnitude of every row ({@code
 * int8_vectorwise_dequant}).
 */
final class Bitsandbytes implements TorchQuantizer {
  private static final String MAGNITUDES = ".weight.absmax";
  private static final String MAP = ".weight.quant_map";
  private static final String NESTED_MAGNITUDES = ".weight.nested_absmax";
  private static final String NESTED_MAP = ".weight.nested_quant_map";
  private static final String STATE = ".weight.quant_state.";
  private static final String ROW_MAGNITUDES = ".SCB";

  private static final List<String> TYPES = List.of("nf4", "fp4");

  private static final int LONGEST_STATE = 1 << 16;
  private static final String ORDER = ".weight_format";

  @Override
  public String method() {
    return "bitsandbytes";
  }

  @Override
  public List<String> parts() {
    return List.of(
        TorchLayer.WEIGHT,
        MAGNITUDES,
        MAP,
        NESTED_MAGNITUDES,
        NESTED_MAP,
        STATE,
        ROW_MAGNITUDES,
        ORDER);
  }

  @Override
  public boolean isIn(TorchLayer layer) {
    return layer.has(MAP) || layer.has(ROW_MAGNITUDES);
  }

  @Override
  public Tensor weight(TorchLayer layer, Config quantization) {
    return layer.has(MAP) ? fourBits(layer) : eightBits(layer);
  }

  private static Tensor eightBits(TorchLayer layer) {
    Tensor codes = layer.matrix(TorchLayer.WEIGHT, DType.I8);
    Tensor magnitudes = layer.vector(ROW_MAGNITUDES, DType.F32);
    TorchLayer.expect(magnitudes, codes.shape().rows());
    Optional<Tensor> order = layer.find(ORDER);
    if (order.isPresent() && TorchLayer.numbers(order.get())[0] != 0) {
      throw Refusal.unsupported(
          order.get().file(),
          "tensor %s: expected codes row by row, which is 0, found %.0f, an order for some GPUs; save it again with a newer bitsandbytes",
          order.get().name(),
          TorchLayer.numbers(order.get())[0]);
    }
    return codes.withScales(
        new FlatScales(
            TorchLayer.numbers(magnitudes), codes.shape().columns(), BitsandbytesInt8.STEP, 0, 0));
  }

  private static Tensor fourBits(TorchLayer layer) {
    Tensor codes = layer.part(TorchLayer.WEIGHT);
    Config state = state(layer);
    List<Double> shape = state.numbers("shape");
    int size = state.count("blocksize");
    if (shape.size() != 2
        || shape.stream().anyMatch(n -> n < 1 || n % 1 != 0 || n > Integer.MAX_VALUE)
        || codes.encoding() != DType.U8
        || shape.get(0) * shape.get(1) != 2.0 * codes.shape().elements()) {
      throw Refusal.bad(
          codes.file(),
          "tensor %s: expected two codes a byte in U8 of shape %s, which the state beside it says, found %s %s",
          codes.name(),
          shape,
          codes.encoding().name(),
          codes.shape());
    }
    long rows = shape.get(0).longValue();
    long columns = shape.get(1).longValue();
    if (columns % size != 0) {
      throw Refusal.unsupported(
          codes.file(),
          "tensor %s: expected rows of whole blocks of %d, found %d columns",
          codes.name(),
          size,
          columns);
    }
    String type = state.text("quant_type").orElse("none");
    if (!TYPES.contains(type)) {
      throw Refusal.unsupported(
          codes.file(), "tensor %s: expected one of %s, found type %s", codes.name(), TYPES, type);
    }
    return new Tensor(
        codes.file(),
        codes.name(),
        new TableCodes(
            "BNB_" + type.toUpperCase(Locale.ROOT), table(layer.vector(MAP, DType.F32), 16)),
        Shape.of(rows, columns),
        codes.data(),
        new GroupScales(size, magnitudes(layer, state, rows, columns / size), null, 0));
  }

  private static Tensor magnitudes(TorchLayer layer, Config state, long rows, long groups) {
    boolean isNested = layer.has(NESTED_MAP);
    Tensor stored = layer.vector(MAGNITUDES, isNested ? DType.U8 : DType.F32);
    TorchLayer.expect(stored, rows * groups);
    Encoding encoding =
        isNested
            ? new TableCodes("U8", table(layer.vector(NESTED_MAP, DType.F32), 256))
            : DType.F32;
    Tensor matrix =
        new Tensor(stored.file(), stored.name(), encoding, Shape.of(rows, groups), stored.data());
    return isNested ? matrix.withScales(nested(layer, state, rows * groups)) : matrix;
  }

  private static Scales nested(TorchLayer layer, Config state, long scales) {
    Tensor magnitudes = layer.vector(NESTED_MAGNITUDES, DType.F32);
    int size = state.count("nested_blocksize");
    TorchLayer.expect(magnitudes, Math.ceilDiv(scales, size));
    if (!state.has("nested_offset")) {
      throw Refusal.bad(
          magnitudes.file(),
          "tensor %s: expected a nested_offset in the state beside it, found none",
          magnitudes.name());
    }
    float offset = (float) state.number("nested_offset", 0);
    return new FlatScales(TorchLayer.numbers(magnitudes), size, 1, offset, 0);
  }

  private static List<Float> table(Tensor map, int size) {
    TorchLayer.expect(map, size);
    List<Float> table = new ArrayList<>();
    for (float value : TorchLayer.numbers(map)) {
      table.add(value);
    }
    return table;
  }

  /** The JSON that a tensor of bytes holds. */
  private static Config state(TorchLayer layer) {
    Optional<String> part =
        layer.parts().keySet().stream().filter(p -> p.startsWith(STATE)).findFirst();
    Tensor bytes = layer.vector(part.orElse(STATE + "bitsandbytes__nf4"), DType.U8);
    if (bytes.shape().elements() > LONGEST_STATE) {
      throw Refusal.bad(
          bytes.file(),
          "tensor %s: expected at most %d bytes of JSON, found %d",
          bytes.name(),
          LONGEST_STATE,
          bytes.shape().elements());
    }
    byte[] text = new byte[(int) bytes.shape().elements()];
    bytes.copy(0, 1, text, 0);
    try {
      return Config.read(bytes.file(), text);
    } catch (PhialException.BadInput e) {
      throw Refusal.bad(
          bytes.file(), "tensor %s: expected a JSON object in its bytes, found none", bytes.name());
    }
  }
}
