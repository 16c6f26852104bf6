package dev.phial.source;

import dev.phial.quant.FloatCodes;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.IntCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.Divided;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Layout;
import dev.phial.tensor.Scales;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * Layers as llm-compressor packs them ({@code compressed_tensors.compressors}). Integers: {@code
 * weight_packed} I32 {@code [out, in · bits / 32]} of codes less the smallest, {@code weight_scale}
 * {@code [out, groups]}, and where they are not symmetric {@code weight_zero_point} I32 {@code [out
 * · bits / 32, groups]}, packed the other way. Numbers of 4 bits: {@code weight_packed} U8 {@code
 * [out, in / 2]}, with powers of two as scales (mxfp4), or with scales of 8 bits that one number
 * divides, {@code weight_global_scale} (nvfp4). Weights of 8 bits that are not packed are {@link
 * ScaledWeights}', but for mxfp8.
 */
final class CompressedTensors implements TorchQuantizer {
  private static final String PACKED = ".weight_packed";
  private static final String SCALE = ".weight_scale";
  private static final String ZERO = ".weight_zero_point";
  private static final String SHAPE = ".weight_shape";
  private static final String ORDER = ".weight_g_idx";
  private static final String GLOBAL = ".weight_global_scale";

  private static final List<String> FORMATS =
      List.of(
          "pack-quantized",
          "mxfp4-pack-quantized",
          "nvfp4-pack-quantized",
          "mxfp8-quantized",
          "int-quantized",
          "float-quantized",
          "naive-quantized",
          "mixed-precision");

  private static final int MX_SIZE = 32;
  private static final int NV_SIZE = 16;

  @Override
  public String method() {
    return "compressed-tensors";
  }

  @Override
  public List<String> parts() {
    return List.of(
        TorchLayer.WEIGHT, PACKED, SCALE, ZERO, SHAPE, ORDER, GLOBAL, ".input_global_scale");
  }

  @Override
  public boolean isIn(TorchLayer layer) {
    return layer.has(PACKED) || isMxfp8(layer);
  }

  private static boolean isMxfp8(TorchLayer layer) {
    return layer.find(TorchLayer.WEIGHT).filter(t -> t.encoding() == DType.F8_E4M3).isPresent()
        && layer.find(SCALE).filter(t -> t.encoding() == DType.U8).isPresent();
  }

  @Override
  public Tensor weight(TorchLayer layer, Config quantization) {
    quantization
        .text("format")
        .filter(format -> !FORMATS.contains(format) && method().equals(said(quantization)))
        .ifPresent(format -> {
          throw Refusal.unsupported(
              quantization.file(),
              "expected one of %s, found compressed-tensors %s; use the original checkpoint",
              FORMATS,
              format);
        });
    if (!layer.has(PACKED)) {
      return floats(layer, layer.matrix(TorchLayer.WEIGHT, DType.F8_E4M3), DType.F8_E4M3);
    }
    if (layer.has(TorchLayer.WEIGHT)) {
      Tensor twice = layer.part(TorchLayer.WEIGHT);
      throw Refusal.bad(
          twice.file(),
          "tensor %s: expected the weight once, found it packed beside it; remove the one that is left over",
          twice.name());
    }
    Tensor packed = layer.part(PACKED);
    if (packed.encoding() == DType.U8) {
      String name = layer.has(GLOBAL) ? "NVFP4" : "MXFP4G32";
      return floats(
          layer, layer.matrix(PACKED, DType.U8), new FloatCodes(name, GroupFloat.Values.E2M1));
    }
    return integers(layer, layer.matrix(PACKED, DType.I32), quantization);
  }

  private static String said(Config quantization) {
    return quantization.text("quant_method").orElse("");
  }

  /** What the configuration says, if it says it of all layers at once. */
  private static Optional<Integer> bits(Config quantization) {
    List<Integer> all =
        quantization.object("config_groups").stream()
            .flatMap(groups ->
                groups.json().propertyNames().stream()
                    .flatMap(name -> groups.object(name).stream()))
            .flatMap(group -> group.object("weights").stream())
            .flatMap(weights -> weights.optionalCount("num_bits").stream())
            .distinct()
            .toList();
    return all.size() == 1 ? Optional.of(all.getFirst()) : Optional.empty();
  }

  private static Tensor floats(TorchLayer layer, Tensor codes, Encoding encoding) {
    long rows = codes.shape().rows();
    long columns = codes.shape().columns() * encoding.blockSize();
    int size = layer.has(GLOBAL) ? NV_SIZE : MX_SIZE;
    Tensor scale = layer.matrix(SCALE, layer.has(GLOBAL) ? DType.F8_E4M3 : DType.U8);
    if (columns % size != 0) {
      throw Refusal.bad(
          codes.file(),
          "tensor %s: expected columns in groups of %d, found %d",
          codes.name(),
          size,
          columns);
    }
    TorchLayer.expect(scale, rows, columns / size);
    Tensor scales =
        new Tensor(
            scale.file(),
            scale.name(),
            layer.has(GLOBAL) ? new Divided(DType.F8_E4M3, divisor(layer)) : DType.F8_E8M0,
            scale.shape(),
            scale.data());
    return new Tensor(
        codes.file(),
        codes.name(),
        encoding,
        Shape.of(rows, columns),
        codes.data(),
        new GroupScales(size, scales, null, 0));
  }

  private static float divisor(TorchLayer layer) {
    Tensor global = layer.vector(GLOBAL, DType.F32);
    TorchLayer.expect(global, 1);
    float[] value = new float[1];
    global.read(0, 1, value, 0);
    if (!(value[0] > 0 && Float.isFinite(value[0]))) {
      throw Refusal.bad(
          global.file(),
          "tensor %s: expected a number above 0, which divides the scales, found %s",
          global.name(),
          value[0]);
    }
    return value[0];
  }

  private static Tensor integers(TorchLayer layer, Tensor packed, Config quantization) {
    if (layer.has(ORDER)) {
      throw Refusal.unsupported(
          packed.file(),
          "tensor %s%s: expected groups of neighbours, found columns in an order of their own; use the original checkpoint",
          layer.name(),
          ORDER);
    }
    Tensor shape = layer.vector(SHAPE, DType.I64);
    TorchLayer.expect(shape, 2);
    float[] dimensions = new float[2];
    shape.read(0, 1, dimensions, 0);
    long rows = packed.shape().rows();
    long columns = (long) dimensions[1];
    long words = packed.shape().columns();
    int bits = columns < 1 ? 0 : (int) Math.min(Byte.SIZE, words * Integer.SIZE / columns);
    if (bits < 1 || dimensions[0] != rows || Math.ceilDiv(columns * bits, Integer.SIZE) != words) {
      throw Refusal.bad(
          shape.file(),
          "tensor %s: expected the shape of the weight, which %s packs in %s, found %.0f and %.0f",
          shape.name(),
          packed.name(),
          packed.shape(),
          dimensions[0],
          dimensions[1]);
    }
    Optional<Integer> said = bits(quantization).filter(found -> found != bits);
    if (said.isPresent()) {
      throw Refusal.unsupported(
          packed.file(),
          "tensor %s: expected codes of %d bits one after the other, which is what %s says, found shape %s for %d columns",
          packed.name(),
          said.get(),
          quantization.file(),
          packed.shape(),
          columns);
    }
    if (columns * bits % Integer.SIZE != 0) {
      throw Refusal.unsupported(
          packed.file(),
          "tensor %s: expected rows that fill whole words, found %d columns of %d bits",
          packed.name(),
          columns,
          bits);
    }
    Tensor scale = layer.numbers(SCALE);
    int size = TorchLayer.times(scale, columns, scale.shape().columns());
    TorchLayer.expect(scale, rows, columns / size);
    boolean hasZeros = layer.has(ZERO);
    int middle = 1 << bits - 1;
    String name = "%sINT%dG%d".formatted(hasZeros ? "U" : "", bits, size);
    return new Tensor(
        packed.file(),
        packed.name(),
        new IntCodes(name, bits, false, hasZeros ? 0 : middle),
        Shape.of(rows, columns),
        packed.data(),
        hasZeros ? zeros(layer, rows, bits, size, scale) : new GroupScales(size, scale, null, 0));
  }

  /** Codes less the smallest, less zero points less the smallest: the two cancel. */
  private static Scales zeros(TorchLayer layer, long rows, int bits, int size, Tensor scale) {
    Tensor zero = layer.matrix(ZERO, DType.I32);
    int groups = Math.toIntExact(scale.shape().columns());
    if (Integer.SIZE % bits != 0) {
      throw Refusal.unsupported(
          zero.file(),
          "tensor %s: expected zero points of 2, 4 or 8 bits, found %d",
          zero.name(),
          bits);
    }
    TorchLayer.expect(zero, Math.ceilDiv(rows * bits, Integer.SIZE), groups);
    int perByte = Byte.SIZE / bits;
    Tensor zeros =
        new Tensor(
            zero.file(),
            zero.name(),
            new IntCodes("UINT" + bits, bits, false, 0),
            Shape.of(rows, Math.ceilDiv(groups, perByte) * (long) perByte),
            zero.data(),
            null,
            new Layout.Interleaved(0, groups));
    return new GroupZeros(size, scale, zeros, 0);
  }
}
