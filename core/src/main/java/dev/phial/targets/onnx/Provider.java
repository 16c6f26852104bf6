package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.quant.FloatType;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/** The execution providers of ONNX Runtime, and what the model builder writes for each. */
enum Provider {
  CPU(List.of(Precision.INT4, Precision.INT8, Precision.W8A8, Precision.FP32), 4),
  CUDA(List.of(Precision.INT4, Precision.INT8, Precision.FP16, Precision.BF16), 0),
  DML(List.of(Precision.INT4, Precision.FP16), 0),
  WEBGPU(List.of(Precision.INT4, Precision.INT8, Precision.FP16, Precision.FP32), 4);

  private final List<Precision> precisions;
  private final int accuracyLevel;

  Provider(List<Precision> precisions, int accuracyLevel) {
    this.precisions = precisions;
    this.accuracyLevel = accuracyLevel;
  }

  static Provider named(String name) {
    return Arrays.stream(values())
        .filter(provider -> provider.label().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "--ep: expected one of %s, found %s"
                    .formatted(
                        String.join(
                            ", ",
                            Stream.concat(
                                    Arrays.stream(values()).map(Provider::label),
                                    Stream.of(QnnOptions.LABEL))
                                .toList()),
                        name)));
  }

  /** What the option and genai_config.json call it. */
  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * @throws PhialException.Unsupported if the provider has no kernels for a precision
   */
  void check(Precision precision) {
    if (!precisions.contains(precision)) {
      String others = "--ep " + String.join(" or ", havingKernels(precision));
      throw new PhialException.Unsupported(
          "--ep %s: expected one of %s, which its kernels can run, found %s; add %s"
              .formatted(
                  label(),
                  String.join(", ", precisions.stream().map(Precision::label).toList()),
                  precision.label(),
                  others),
          "needs " + others);
    }
  }

  private static List<String> havingKernels(Precision precision) {
    return Arrays.stream(values())
        .filter(provider -> provider.precisions.contains(precision))
        .map(Provider::label)
        .toList();
  }

  /** The type of activations, of the cache and of what is not quantized. */
  FloatType activations(Precision precision) {
    return switch (precision) {
      case FP32 -> FloatType.F32;
      case BF16 -> FloatType.BF16;
      case FP16 -> FloatType.F16;
      case INT4, INT8, W8A8 -> this == CPU ? FloatType.F32 : FloatType.F16;
    };
  }

  /** The {@code accuracy_level} of MatMulNBits unless told otherwise; 0 is not written. */
  int accuracyLevel() {
    return accuracyLevel;
  }

  /** Whether attention takes query, key and value as one matrix and rotates them itself. */
  boolean fusesAttention() {
    return this != DML;
  }

  /** Whether there are kernels for mixtures of experts. */
  boolean hasExperts() {
    return this != DML;
  }

  /** Whether there is a kernel for attention to blocks of tokens. */
  boolean hasBlocks() {
    return this == CPU || this == CUDA;
  }

  /** Whether control flow runs; otherwise both rotary caches lie in one. */
  boolean hasIf() {
    return this != DML;
  }

  /** Whether genai_config.json tells the window of the cache. */
  boolean hasWindow() {
    return this == CPU || this == CUDA;
  }

  /** The entry of {@code provider_options}; the CPU has none. */
  Optional<ObjectNode> options() {
    ObjectNode options = Json.MAPPER.createObjectNode();
    switch (this) {
      case CPU -> {
        return Optional.empty();
      }
      case CUDA -> options.put("enable_cuda_graph", "0");
      case DML -> options.put("enable_graph_capture", "1");
      case WEBGPU -> options.put("enableGraphCapture", "0").put("validationMode", "basic");
    }
    ObjectNode entry = Json.MAPPER.createObjectNode();
    entry.set(label(), options);
    return Optional.of(entry);
  }
}
