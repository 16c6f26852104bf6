package dev.phial.targets.litert;

import dev.phial.PhialException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What stands after {@code --to litert:}. */
enum Precision {
  INT4,
  INT8,
  W8A8,
  FP16,
  FP32;

  /** What an embedding may have, and an output matrix whose input is rounded as it comes. */
  static final List<Precision> OF_EMBEDDING = List.of(INT4, INT8, FP16, FP32);

  /** What the output matrix may have where codes of activations are known beforehand. */
  static final List<Precision> BESIDE_STATIC = List.of(W8A8, FP16, FP32);

  static List<String> labels() {
    return Arrays.stream(values()).map(Precision::label).toList();
  }

  /**
   * What a user asked for.
   *
   * @param where it was said, for the message
   */
  static Precision named(String name, String where) {
    return named(name, where, List.of(values()));
  }

  /**
   * The same of what may be asked for there.
   *
   * @throws PhialException.Usage if it is none of them
   */
  static Precision named(String name, String where, List<Precision> among) {
    return among.stream()
        .filter(precision -> precision.label().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "%s: expected one of %s, found %s"
                    .formatted(
                        where,
                        String.join(", ", among.stream().map(Precision::label).toList()),
                        name)));
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** How matrices lie in the file. */
  Precision stored() {
    return this == W8A8 ? INT8 : this;
  }

  /** Whether runtimes choose codes for what it is multiplied with as it comes. */
  boolean roundsAsItComes() {
    return this == INT4 || this == INT8;
  }
}
