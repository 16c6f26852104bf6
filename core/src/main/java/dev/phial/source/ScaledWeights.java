package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import dev.phial.tensor.TileScales;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Weights of 8 bits, one for one, whose scales are tensors of their own. Each scale is attached to
 * its weight, so that reading gives {@code (float) weight * (float) scale}; those of activations
 * are dropped, for what is quantized here is weights. llama.cpp's converter undoes the same methods
 * ({@code conversion/base.py}, {@code dequant_simple}); of any other, the original is asked for.
 */
final class ScaledWeights {
  /** {@code X.weight} is scaled by {@code X.weight_scale}; only the first form is for any name. */
  private static final List<String> SCALES = List.of("_scale_inv", ".weight_scale");

  private static final List<String> OF_ACTIVATIONS =
      List.of(
          ".input_scale",
          ".input_scale_ub",
          ".input_zero_point",
          ".output_scale",
          ".output_zero_point",
          ".activation_scale",
          "_activation_scale",
          ".k_scale",
          ".v_scale");

  private static final List<DType> NARROW = List.of(DType.F8_E4M3, DType.F8_E5M2, DType.I8);
  private static final List<DType> WIDE = List.of(DType.F32, DType.F16, DType.BF16);
  private static final long MOST_SCALES = 1 << 24; // of a checkpoint: they are held in memory

  private final Config quantization;
  private final Map<String, Tensor> tensors;
  private final List<Long> block; // tile of the last two dimensions, or empty
  private long scales; // read so far

  private ScaledWeights(Config quantization, Map<String, Tensor> tensors) {
    this.quantization = quantization;
    this.tensors = tensors;
    this.block = block();
  }

  /** Whether there are any. */
  static boolean areIn(Map<String, Tensor> tensors) {
    return tensors.entrySet().stream()
        .anyMatch(entry ->
            isScale(entry.getKey())
                || NARROW.contains(entry.getValue().encoding())
                    && entry.getValue().scales() == null);
  }

  /** The tensors without the scales of activations and caches. */
  static Map<String, Tensor> withoutActivations(Map<String, Tensor> tensors) {
    Map<String, Tensor> result = new LinkedHashMap<>(tensors);
    result.keySet().removeIf(name -> OF_ACTIVATIONS.stream().anyMatch(name::endsWith));
    return result;
  }

  /** Whether a tensor of this name scales another. */
  static boolean isScale(String name) {
    return SCALES.stream().anyMatch(name::endsWith);
  }

  /**
   * The tensors with their scales attached.
   *
   * @param quantization what the checkpoint says about how it was quantized
   * @throws PhialException.Unsupported if that is a way which is not read
   * @throws PhialException.BadInput if a scale is missing or does not fit
   */
  static Map<String, Tensor> attach(Config quantization, Map<String, Tensor> tensors) {
    return new ScaledWeights(quantization, tensors).attach();
  }

  private Map<String, Tensor> attach() {
    Map<String, Tensor> result = new LinkedHashMap<>(tensors);
    tensors.forEach((name, tensor) -> {
      if (OF_ACTIVATIONS.stream().anyMatch(name::endsWith)) {
        result.remove(name);
      } else if (name.endsWith(".weight_zero_point") || name.endsWith(".weight_g_idx")) {
        throw Refusal.unsupported(
            tensor.file(),
            "tensor %s: expected weights with scales alone, found more; use the original checkpoint",
            name);
      } else if (isScale(name)) {
        String weight = name.replaceFirst("_scale(_inv)?$", "");
        result.put(weight, scaled(weight, tensor));
        result.remove(name);
      }
    });
    for (Tensor tensor : result.values()) {
      if (NARROW.contains(tensor.encoding()) && tensor.scales() == null) {
        throw Refusal.bad(
            tensor.file(),
            "tensor %s: expected a scale for it, which %s promises, found none; is a shard missing?",
            tensor.name(),
            quantization.file());
      }
    }
    return result;
  }

  private Tensor scaled(String name, Tensor scale) {
    Tensor weight = tensors.get(name);
    if (weight == null) {
      throw Refusal.bad(
          scale.file(), "tensor %s: expected the weight that it scales, found none", scale.name());
    }
    if (!NARROW.contains(weight.encoding()) || !WIDE.contains(scale.encoding())) {
      throw Refusal.bad(
          weight.file(),
          "tensor %s: expected one of %s scaled by one of %s, found %s and %s",
          name,
          NARROW,
          WIDE,
          weight.encoding(),
          scale.encoding());
    }
    return weight.withScales(scales(weight, scale));
  }

  /** Dimensions of a scale stand for those of the weight from the first on; 1 stands for all. */
  private TileScales scales(Tensor weight, Tensor scale) {
    List<Long> dimensions = weight.shape().dimensions();
    int rank = dimensions.size();
    if (rank < 1 || rank > 3 || scale.shape().rank() > rank) {
      throw misfit(weight, scale);
    }
    long[] tiles = new long[rank];
    long[] counts = new long[rank];
    for (int i = 0; i < rank; i++) {
      long length = dimensions.get(i);
      counts[i] = i < scale.shape().rank() ? scale.shape().dimensions().get(i) : 1;
      tiles[i] = tile(length, counts[i], rank - i);
      if (counts[i] != Math.ceilDiv(length, tiles[i])) {
        throw misfit(weight, scale);
      }
    }
    long rows = rank == 1 ? 1 : dimensions.get(rank - 2);
    long tileRows = rank == 1 ? 1 : tiles[rank - 2];
    long tilesPerRow = counts[rank - 1];
    long tilesPerMatrix =
        rank == 3 && counts[0] > 1 ? Math.ceilDiv(rows, tileRows) * tilesPerRow : 0;
    return new TileScales(
        values(scale), rows, tileRows, tiles[rank - 1], (int) tilesPerMatrix, (int) tilesPerRow, 0);
  }

  /**
   * How many elements share a scale.
   *
   * @param fromEnd 1 for the last dimension
   */
  private long tile(long length, long count, int fromEnd) {
    if (fromEnd <= block.size()) {
      return block.get(block.size() - fromEnd);
    }
    return count == 1 ? length : 1;
  }

  private float[] values(Tensor scale) {
    Shape shape = scale.shape();
    scales = Math.addExact(scales, shape.elements());
    if (scales > MOST_SCALES) {
      throw Refusal.bad(
          scale.file(),
          "tensor %s: expected at most %d scales in the checkpoint, found more",
          scale.name(),
          MOST_SCALES);
    }
    float[] values = new float[(int) shape.elements()];
    scale.read(0, (int) shape.rows(), values, 0);
    for (float value : values) {
      if (!Float.isFinite(value)) {
        throw Refusal.bad(
            scale.file(), "tensor %s: expected finite scales, found %f", scale.name(), value);
      }
    }
    return values;
  }

  private PhialException misfit(Tensor weight, Tensor scale) {
    return Refusal.bad(
        scale.file(),
        "tensor %s: expected a scale per row, matrix or block%s of the weight %s, found shape %s",
        scale.name(),
        block.isEmpty() ? "" : " of " + block,
        weight.shape(),
        scale.shape());
  }

  private List<Long> block() {
    String method =
        quantization
            .text("quant_method") // the file of its own that ModelOpt writes has none
            .orElse(quantization.has("quant_algo") ? "modelopt" : "a method it does not name");
    return switch (method) {
      case "fp8", "fbgemm_fp8" -> block(quantization, "weight_block_size");
      case "compressed-tensors" -> compressedTensorsBlock();
      case "modelopt" -> {
        String algorithm = quantization.text("quant_algo").orElse("no algorithm");
        if (!algorithm.equals("FP8")) {
          throw unread("modelopt " + algorithm);
        }
        yield List.of();
      }
      default -> throw unread(method);
    };
  }

  private List<Long> compressedTensorsBlock() {
    String format = quantization.text("format").orElse("no format");
    if (!List.of("float-quantized", "int-quantized", "naive-quantized").contains(format)) {
      throw unread("compressed-tensors " + format);
    }
    Config groups =
        quantization
            .object("config_groups")
            .orElseThrow(() -> unread("compressed-tensors without config_groups"));
    if (groups.json().size() != 1) {
      throw unread("compressed-tensors in %d groups".formatted(groups.json().size()));
    }
    Config weights =
        groups
            .object(groups.json().propertyNames().iterator().next())
            .flatMap(group -> group.object("weights"))
            .orElseThrow(() -> unread("compressed-tensors without weights in its group"));
    String strategy = weights.text("strategy").orElse("no strategy");
    if (!List.of("tensor", "channel", "block").contains(strategy) || weights.has("group_size")) {
      throw unread("compressed-tensors by " + strategy);
    }
    if (!weights.flag("symmetric", true)) {
      throw unread("compressed-tensors with zero points");
    }
    return block(weights, "block_structure");
  }

  private List<Long> block(Config config, String key) {
    List<Double> sizes = config.numbers(key);
    if (!sizes.isEmpty() && sizes.size() != 2
        || sizes.stream().anyMatch(size -> size < 1 || size > 1 << 20 || size % 1 != 0)) {
      throw Refusal.bad(
          config.file(), "expected two whole numbers in field %s, found %s", key, sizes);
    }
    return sizes.stream().map(Double::longValue).toList();
  }

  private PhialException unread(String method) {
    return Refusal.unsupported(
        quantization.file(),
        "expected full weights, or quantized ones of a kind that docs/formats.md lists, found them quantized with %s; use the original checkpoint",
        method);
  }
}
