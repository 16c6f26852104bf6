package dev.phial.targets.onnx;

import dev.phial.PhialException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What stands after {@code --to onnx:}. */
enum Precision {
  INT4(4),
  INT8(8),
  /** Weights and activations in 8 bits, products of integers. */
  W8A8(8),
  FP16(0),
  BF16(0),
  FP32(0);

  private final int bits;

  Precision(int bits) {
    this.bits = bits;
  }

  static List<String> labels() {
    return Arrays.stream(values()).map(Precision::label).toList();
  }

  static Precision named(String name) {
    return Arrays.stream(values())
        .filter(precision -> precision.label().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "onnx: expected one of %s, found %s".formatted(String.join(", ", labels()), name)));
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  boolean isQuantized() {
    return bits != 0;
  }

  /** Whether activations are rounded too, so that their ranges must be known. */
  boolean roundsActivations() {
    return this == W8A8;
  }

  /** Of a quantized weight. */
  int bits() {
    return bits;
  }
}
