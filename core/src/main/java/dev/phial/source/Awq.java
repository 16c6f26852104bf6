package dev.phial.source;

import dev.phial.quant.IntCodes;
import dev.phial.quant.WordCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Layout;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.List;

/**
 * Layers as AutoAWQ packs them, in 4 bits. {@code gemm}: {@code qweight [in, out / 8]}, {@code
 * qzeros [groups, out / 8]}, {@code scales [groups, out]}, eight codes of a word interleaved.
 * {@code gemv}: {@code qweight [out, in / 8]}, {@code qzeros [out, words]}, {@code scales [out,
 * words · 8]}, in order, where rows of scales are padded. A number is {@code (code - zero) ·
 * scale}.
 */
final class Awq implements TorchQuantizer {
  private static final String CODES = ".qweight";
  private static final String ZEROS = ".qzeros";
  private static final String SCALES = ".scales";

  private static final int BITS = 4;
  private static final int PER_WORD = Integer.SIZE / BITS;

  @Override
  public String method() {
    return "awq";
  }

  @Override
  public List<String> parts() {
    return List.of(CODES, ZEROS, SCALES);
  }

  /** The shapes tell it from GPTQ's. */
  @Override
  public boolean isIn(TorchLayer layer) {
    return layer.has(CODES)
        && layer.has(SCALES)
        && !layer.has(".g_idx")
        && (isGemm(layer) || isGemv(layer));
  }

  private static boolean isGemm(TorchLayer layer) {
    Shape codes = layer.part(CODES).shape();
    Shape scales = layer.part(SCALES).shape();
    return codes.rank() == 2
        && scales.rank() == 2
        && codes.columns() * PER_WORD == scales.columns();
  }

  private static boolean isGemv(TorchLayer layer) {
    Shape codes = layer.part(CODES).shape();
    Shape scales = layer.part(SCALES).shape();
    return codes.rank() == 2
        && scales.rank() == 2
        && codes.rows() == scales.rows()
        && codes.columns() != scales.columns();
  }

  @Override
  public Tensor weight(TorchLayer layer, Config quantization) {
    Tensor codes = layer.matrix(CODES, DType.I32);
    Tensor zeros = layer.matrix(ZEROS, DType.I32);
    Tensor scales = layer.numbers(SCALES);
    return isGemm(layer)
        ? gemm(codes, zeros, scales)
        : gemv(codes, zeros, scales, groupSize(quantization));
  }

  /** Under the name that AutoAWQ's own file has for it, too. */
  private static int groupSize(Config quantization) {
    return quantization
        .optionalCount("group_size")
        .or(() -> quantization.optionalCount("q_group_size"))
        .orElse(128);
  }

  private static Tensor gemm(Tensor codes, Tensor zeros, Tensor scales) {
    long rows = scales.shape().columns();
    long columns = codes.shape().rows();
    long groups = scales.shape().rows();
    int size = TorchLayer.times(scales, columns, groups);
    TorchLayer.expect(zeros, groups, rows / PER_WORD);
    Layout columnsOfAll = new Layout.Columns(0, rows);
    WordCodes interleaved = new WordCodes("AWQ4G" + size, BITS, WordCodes.Order.AWQ, 0);
    Tensor scale =
        new Tensor(
            scales.file(),
            scales.name(),
            scales.encoding(),
            Shape.of(rows, groups),
            scales.data(),
            null,
            columnsOfAll);
    Tensor zero =
        new Tensor(
            zeros.file(),
            zeros.name(),
            interleaved,
            Shape.of(rows, groups),
            zeros.data(),
            null,
            columnsOfAll);
    return new Tensor(
        codes.file(),
        codes.name(),
        interleaved,
        Shape.of(rows, columns),
        codes.data(),
        new GroupZeros(size, scale, zero, 0),
        columnsOfAll);
  }

  private static Tensor gemv(Tensor codes, Tensor zeros, Tensor scales, int size) {
    long rows = codes.shape().rows();
    long columns = codes.shape().columns() * PER_WORD;
    if (size < 1 || columns % size != 0 || zeros.shape().columns() != width(columns / size, size)) {
      throw Refusal.bad(
          scales.file(),
          "tensor %s: expected zero points for every %d of %d columns, which is what the configuration says, found shape %s",
          zeros.name(),
          size,
          columns,
          zeros.shape());
    }
    TorchLayer.expect(zeros, rows, zeros.shape().columns());
    TorchLayer.expect(scales, rows, zeros.shape().columns() * PER_WORD);
    IntCodes plain = new IntCodes("AWQ4G" + size, BITS, false, 0);
    Tensor zero =
        new Tensor(
            zeros.file(),
            zeros.name(),
            plain,
            Shape.of(rows, zeros.shape().columns() * PER_WORD),
            zeros.data());
    return new Tensor(
        codes.file(),
        codes.name(),
        plain,
        Shape.of(rows, columns),
        codes.data(),
        new GroupZeros(size, scales, zero, 0));
  }

  /** Words of a row of zero points ({@code calculate_zeros_width}): wider for smaller groups. */
  private static long width(long groups, int size) {
    int multiple = size >= 128 ? 1 : size == 64 ? 2 : 4;
    return Math.ceilDiv(Math.ceilDiv(groups, PER_WORD), multiple) * (long) multiple;
  }
}
