package dev.phial.targets.litert;

import dev.phial.PhialException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What stands after {@code --to litert:}. */
enum Precision {
  INT4(4),
  INT8(8),
  FP16(16),
  FP32(32);

  private final int bits;

  Precision(int bits) {
    this.bits = bits;
  }

  static List<String> labels() {
    return Arrays.stream(values()).map(Precision::label).toList();
  }

  /**
   * What a user asked for.
   *
   * @param where it was said, for the message
   */
  static Precision named(String name, String where) {
    return Arrays.stream(values())
        .filter(precision -> precision.label().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "%s: expected one of %s, found %s"
                    .formatted(where, String.join(", ", labels()), name)));
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  int bits() {
    return bits;
  }

  boolean isInteger() {
    return this == INT4 || this == INT8;
  }
}
