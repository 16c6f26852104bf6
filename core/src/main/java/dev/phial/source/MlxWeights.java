package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.FloatType;
import dev.phial.quant.MlxFormat;
import dev.phial.quant.MlxFormats;
import dev.phial.tensor.DType;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The weights of an MLX folder: codes in {@code X.weight}, and beside them {@code X.scales} and
 * {@code X.biases}. They become one tensor that reads as numbers.
 */
final class MlxWeights {
  private static final String SCALES = ".scales";
  private static final String BIASES = ".biases";
  private static final String AFFINE = "affine";

  private final Config quantization;
  private final Map<String, Tensor> tensors;

  private MlxWeights(Config quantization, Map<String, Tensor> tensors) {
    this.quantization = quantization;
    this.tensors = tensors;
  }

  /** What config.json says about how MLX quantized, if it did. */
  static Optional<Config> quantization(Config config) {
    return config
        .object("quantization")
        .filter(found -> found.has("group_size") && found.has("bits"));
  }

  /**
   * The tensors with their scales attached.
   *
   * @throws PhialException.Unsupported if they are of a type that is not read
   * @throws PhialException.BadInput if parts are missing or do not fit
   */
  static Map<String, Tensor> attach(Config quantization, Map<String, Tensor> tensors) {
    return new MlxWeights(quantization, tensors).attach();
  }

  private Map<String, Tensor> attach() {
    Map<String, Tensor> result = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> {
      if (name.endsWith(SCALES)) {
        String path = name.substring(0, name.length() - SCALES.length());
        Tensor weight = tensors.get(path + ".weight");
        if (weight == null) {
          throw Refusal.bad(
              tensor.file(), "tensor %s: expected the weight that it scales, found none", name);
        }
        result.put(weight.name(), scaled(path, weight, tensor, tensors.get(path + BIASES)));
      } else if (!name.endsWith(BIASES)
          || !tensors.containsKey(name.substring(0, name.length() - BIASES.length()) + SCALES)) {
        result.putIfAbsent(name, tensor);
      }
    });
    return result;
  }

  private Tensor scaled(String path, Tensor weight, Tensor scales, @Nullable Tensor biases) {
    Config own = quantization.object(path).orElse(quantization);
    String mode = own.text("mode").orElse(AFFINE);
    FloatType number =
        Arrays.stream(FloatType.values())
            .filter(n -> n.type() == scales.encoding())
            .findFirst()
            .orElse(FloatType.BF16);
    MlxFormat format =
        (mode.equals(AFFINE)
                ? MlxFormats.of(mode, own.count("bits", 4), own.count("group_size", 64), number)
                : MlxFormats.of(mode, number))
            .orElseThrow(() ->
                Refusal.unsupported(
                    quantization.file(),
                    "expected affine weights of %s bits in groups of %s, or mxfp4, mxfp8 or nvfp4, found %s",
                    MlxFormats.BITS,
                    MlxFormats.GROUP_SIZES,
                    own.json()));
    Shape groups = scales.shape();
    long groupBytes = format.planes().getFirst().bytes();
    if (weight.encoding() != DType.U32
        || weight.shape().rank() < 2
        || !groups.equals(withColumns(weight.shape(), weight.shape().columns() * 4 / groupBytes))
        || weight.shape().columns() * 4 % groupBytes != 0) {
      throw Refusal.bad(
          weight.file(),
          "tensor %s: expected codes of %s in U32 with a scale for each group, found %s %s and scales %s",
          weight.name(),
          format,
          weight.encoding(),
          weight.shape(),
          groups);
    }
    boolean isAffine = mode.equals(AFFINE);
    if (scales.encoding() != format.planes().get(1).dtype()
        || isAffine != (biases != null)
        || biases != null
            && (biases.encoding() != scales.encoding() || !biases.shape().equals(groups))) {
      throw Refusal.bad(
          scales.file(),
          "tensor %s: expected scales in %s%s, found %s and %s",
          scales.name(),
          isAffine ? "a floating-point type" : format.planes().get(1).dtype(),
          isAffine ? " and biases like them" : " and no biases",
          scales.encoding(),
          biases == null ? "none" : biases.encoding() + " " + biases.shape());
    }
    Tensor typed =
        new Tensor(scales.file(), scales.name(), format.scaleType(), scales.shape(), scales.data());
    long columns = groups.columns() * format.blockSize();
    return new Tensor(
        weight.file(),
        weight.name(),
        format.codes(),
        withColumns(weight.shape(), columns),
        weight.data(),
        new GroupScales(format.blockSize(), typed, biases, 0));
  }

  private static Shape withColumns(Shape shape, long columns) {
    List<Long> dimensions = new ArrayList<>(shape.dimensions());
    dimensions.set(dimensions.size() - 1, columns);
    return new Shape(dimensions);
  }
}
