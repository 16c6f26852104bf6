package dev.phial.source;

import dev.phial.quant.IntCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Layout;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.List;

/**
 * Layers as HQQ saves them ({@code hqq.core.quantize}): {@code W_q} U8, a byte holding codes of
 * rows that lie a half, a quarter or an eighth of the matrix apart; {@code scale} and {@code zero},
 * numbers, {@code [groups of all rows, 1]}; {@code shape}, and more that says what these are. A
 * number is {@code (code - zero) · scale}.
 */
final class Hqq implements TorchQuantizer {
  private static final String CODES = ".W_q";
  private static final String SCALE = ".scale";
  private static final String ZERO = ".zero";
  private static final String SHAPE = ".shape";
  private static final String BITS = ".nbits";
  private static final String AXIS = ".axis";
  private static final String AS_FLOAT = ".view_as_float";

  @Override
  public String method() {
    return "hqq";
  }

  @Override
  public List<String> parts() {
    return List.of(
        CODES,
        SCALE,
        ZERO,
        SHAPE,
        BITS,
        AXIS,
        AS_FLOAT,
        ".group_size",
        ".packing",
        ".unpack_view_dtype",
        ".quant_scale",
        ".quant_zero",
        ".compute_dtype",
        ".offload_meta",
        ".encoded_state_dict",
        ".stores_quant_config",
        ".channel_wise",
        ".optimize",
        ".round_zero");
  }

  @Override
  public boolean isIn(TorchLayer layer) {
    return layer.has(CODES);
  }

  @Override
  public Tensor weight(TorchLayer layer, Config quantization) {
    Tensor codes = layer.matrix(CODES, DType.U8);
    Tensor shape = layer.vector(SHAPE, DType.I64);
    TorchLayer.expect(shape, 2);
    float[] dimensions = TorchLayer.numbers(shape);
    long rows = (long) dimensions[0];
    long columns = (long) dimensions[1];
    int bits = (int) TorchLayer.numbers(layer.part(BITS))[0];
    if (TorchLayer.numbers(layer.part(AXIS))[0] != 1
        || layer.has(AS_FLOAT) && TorchLayer.numbers(layer.part(AS_FLOAT))[0] != 0
        || bits < 1
        || Byte.SIZE % bits != 0) {
      throw Refusal.unsupported(
          codes.file(),
          "tensor %s: expected groups along rows (axis 1) of codes of 1, 2, 4 or 8 bits in bytes, found axis %.0f and %d bits; use the original checkpoint",
          codes.name(),
          TorchLayer.numbers(layer.part(AXIS))[0],
          bits);
    }
    int perByte = Byte.SIZE / bits;
    if (rows < 1 || columns < 1 || codes.shape().elements() * perByte != (double) rows * columns) {
      throw Refusal.bad(
          codes.file(),
          "tensor %s: expected %d codes a byte for %.0f rows of %.0f, found shape %s",
          codes.name(),
          perByte,
          dimensions[0],
          dimensions[1],
          codes.shape());
    }
    Tensor scale = layer.numbers(SCALE);
    Tensor zero = layer.numbers(ZERO);
    int size = TorchLayer.times(scale, rows * columns, scale.shape().elements());
    if (rows % perByte != 0 || columns % size != 0) {
      throw Refusal.unsupported(
          codes.file(),
          "tensor %s: expected rows of whole groups of %d and as many of them in all bits of a byte, found shape [%d, %d]",
          codes.name(),
          size,
          rows,
          columns);
    }
    TorchLayer.expect(scale, rows * columns / size, 1);
    TorchLayer.expect(zero, rows * columns / size, 1);
    Shape groups = Shape.of(rows, columns / size);
    return new Tensor(
        codes.file(),
        codes.name(),
        new IntCodes("HQQ%dG%d".formatted(bits, size), bits, false, 0),
        Shape.of(rows, columns),
        codes.data(),
        new GroupZeros(size, scale.reshaped(groups), zero.reshaped(groups), 0),
        new Layout.Folded(0, rows / perByte));
  }
}
