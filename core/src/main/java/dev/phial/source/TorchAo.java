package dev.phial.source;

import dev.phial.quant.IntCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    byte[] some = new byte[1 << 12];
    long bytes = zeros.data().byteSize();
    for (long at = 0; at < bytes; at += some.length) {
      int count = (int) Math.min(some.length, bytes - at);
      MemorySegment.copy(zeros.data(), ValueLayout.JAVA_BYTE, at, some, 0, count);
      for (int i = 0; i < count; i++) {
        if (some[i] != 0) {
          return true;
        }
      }
    }
    return false;
  }
}
