package dev.phial.source;

import dev.phial.quant.IntCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * Layers as torchao saves its tensor subclasses: {@code _weight_qdata} I8 or F8_E4M3 {@code [out,
 * in]}, {@code _weight_scale [out, groups]}, and for integers {@code _weight_zero_point} like it.
 */
final class TorchAo implements TorchQuantizer {
  private static final String CODES = "._weight_qdata";
  private static final String SCALE = "._weight_scale";
  private static final String ZERO = "._weight_zero_point";

  @Override
  public String method() {
    return "torchao";
  }

  @Override
  public List<String> parts() {
    return List.of(CODES, SCALE, ZERO);
  }

  @Override
  public boolean isIn(TorchLayer layer) {
    return layer.has(CODES);
  }

  @Override
  public Tensor weight(TorchLayer layer, Config quantization) {
    Tensor codes = layer.part(CODES);
    boolean areIntegers = codes.encoding() == DType.I8;
    layer.matrix(CODES, areIntegers ? DType.I8 : DType.F8_E4M3);
    Tensor scale = layer.numbers(SCALE);
    long columns = codes.shape().columns();
    if (scale.shape().rows() == 1 && codes.shape().rows() > 1) {
      throw Refusal.unsupported(
          scale.file(), "tensor %s: expected scales for each row, found one for all", scale.name());
    }
    int size = TorchLayer.times(scale, columns, scale.shape().columns());
    TorchLayer.expect(scale, codes.shape().rows(), columns / size);
    Encoding encoding =
        areIntegers ? new IntCodes("INT8G" + size, Byte.SIZE, true, 0) : codes.encoding();
    Optional<Tensor> zero = Optional.empty();
    if (layer.has(ZERO)) {
      Tensor zeros = layer.matrix(ZERO, DType.I8);
      TorchLayer.expect(zeros, codes.shape().rows(), columns / size);
      zero = Optional.of(zeros).filter(TorchAo::isAnyOther);
    }
    return new Tensor(
        codes.file(),
        codes.name(),
        encoding,
        codes.shape(),
        codes.data(),
        zero.isPresent()
            ? new GroupZeros(size, scale, zero.get(), 0)
            : new GroupScales(size, scale, null, 0));
  }

  /** Whether a zero point is not zero. */
  private static boolean isAnyOther(Tensor zeros) {
    byte[] row = new byte[Math.toIntExact(zeros.rowBytes())];
    for (long i = 0; i < zeros.shape().rows(); i++) {
      zeros.copy(i, 1, row, 0);
      for (byte zero : row) {
        if (zero != 0) {
          return true;
        }
      }
    }
    return false;
  }
}
