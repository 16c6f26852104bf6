package dev.phial.quant;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Rows and importance vectors that {@code tools/make-ggml-golden.py} makes too, float for float:
 * whole numbers times powers of two.
 */
final class GoldenRows {
  static final int COLUMNS = 1024;
  static final List<String> ROWS =
      List.of(
          "gauss",
          "bf16",
          "heavy",
          "outliers",
          "integers",
          "patches",
          "sparse",
          "shrinking",
          "subnormal",
          "large");
  static final List<String> IMPORTANCES = List.of("none", "smooth", "sparse", "wide", "zero");

  private long state; // SplitMix64

  private GoldenRows(long seed) {
    state = seed;
  }

  private long next() {
    state += 0x9E37_79B9_7F4A_7C15L;
    long z = state;
    z = (z ^ z >>> 30) * 0xBF58_476D_1CE4_E5B9L;
    z = (z ^ z >>> 27) * 0x94D0_49BB_1331_11EBL;
    return z ^ z >>> 31;
  }

  private int below(int bound) {
    return (int) ((next() >>> 32) % bound);
  }

  /** A whole number within 2¹⁷ of 0, close to normal, standard deviation about 37837. */
  private int bell() {
    long z = next();
    return (int) ((z & 0xFFFF) + (z >>> 16 & 0xFFFF) + (z >>> 32 & 0xFFFF) + (z >>> 48)) - 0x20000;
  }

  /** All rows, one after the other. */
  static float[] all() {
    float[] all = new float[ROWS.size() * COLUMNS];
    for (int i = 0; i < ROWS.size(); i++) {
      System.arraycopy(row(ROWS.get(i)), 0, all, i * COLUMNS, COLUMNS);
    }
    return all;
  }

  static float[] row(String kind) {
    GoldenRows random = new GoldenRows(ROWS.indexOf(kind));
    float[] row = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      int n = random.bell();
      int part = i / 32;
      row[i] =
          switch (kind) {
            case "gauss" -> times(n, -21);
            case "bf16" -> times(eightBits(n), -21);
            case "heavy" -> times(n, random.below(4) * random.below(4) - 24);
            case "outliers" -> times(n, i % 61 == 5 ? -15 : -21);
            case "integers" -> times(Math.floorMod(n, 17) - 8, -7);
            case "patches" ->
                switch (part % 7) {
                  case 0 -> 0;
                  case 1 -> 0.03125f;
                  case 2 -> -0.03125f;
                  case 3 -> i % 32 == 5 ? 0.03125f : 0;
                  case 4 -> (n & 1) != 0 ? 0.03125f : -0.03125f;
                  case 5 -> -0f;
                  default -> times(n, -21);
                };
            case "sparse" -> random.below(16) == 0 ? times(n, -21) : 0;
            case "shrinking" -> times(n, -(21 + 10 * (part % 13)));
            case "subnormal" -> times(n, -149);
            case "large" -> times(n, -3);
            default -> throw new IllegalArgumentException(kind);
          };
    }
    return row;
  }

  static float @Nullable [] importance(String kind) {
    if (kind.equals("none")) {
      return null;
    }
    GoldenRows random = new GoldenRows(100 + IMPORTANCES.indexOf(kind));
    float[] importance = new float[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      int n = random.bell();
      importance[i] =
          switch (kind) {
            case "smooth" -> times((n >> 6) * (n >> 6), -18);
            case "sparse" -> (n & 1) != 0 || i / 16 % 3 == 0 ? 0 : times(n & 0xFFF, -12);
            case "wide" -> times(n & 0xFFF, random.below(40) - 30);
            case "zero" -> 0;
            default -> throw new IllegalArgumentException(kind);
          };
    }
    return importance;
  }

  private static float times(int n, int power) {
    return Math.scalb((float) n, power);
  }

  private static int eightBits(int n) {
    int drop = Math.max(0, 24 - Integer.numberOfLeadingZeros(Math.abs(n)));
    int size = Math.abs(n) >> drop << drop;
    return n < 0 ? -size : size;
  }
}
