package dev.phial.targets.openvino;

import dev.phial.PhialException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What stands after {@code --to openvino:}, as optimum-cli's {@code --weight-format}. */
enum Precision {
  INT4,
  INT8,
  NF4,
  MXFP4,
  FP16,
  FP32;

  static List<String> labels() {
    return Arrays.stream(values()).map(Precision::label).toList();
  }

  static Precision named(String name) {
    return Arrays.stream(values())
        .filter(precision -> precision.label().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "openvino: expected one of %s, found %s"
                    .formatted(String.join(", ", labels()), name)));
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether matrices are stored otherwise than as numbers. */
  boolean isCompressed() {
    return this != FP16 && this != FP32;
  }

  /** Whether some matrices have four bits and others, the backup, more. */
  boolean isMixed() {
    return this == INT4 || this == NF4 || this == MXFP4;
  }
}
