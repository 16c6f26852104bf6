package dev.phial.targets.gguf;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** {@code 3.8B}, {@code 16x4.2B}: gguf-py's {@code size_label}. */
final class SizeLabel {
  private SizeLabel() {}

  /**
   * @param shared parameters that every token uses
   * @param perExpert parameters of one expert
   */
  static String of(long total, long shared, long perExpert, long experts) {
    return experts > 0 ? experts + "x" + rounded(shared + perExpert) : rounded(total);
  }

  private static String rounded(long parameters) {
    double scaled;
    String unit;
    if (parameters > 1e12) {
      scaled = parameters * 1e-12;
      unit = "T";
    } else if (parameters > 1e9) {
      scaled = parameters * 1e-9;
      unit = "B";
    } else if (parameters > 1e6) {
      scaled = parameters * 1e-6;
      unit = "M";
    } else {
      scaled = parameters * 1e-3;
      unit = "K";
    }
    // at least two digits; Python rounds the exact value of the double, ties to even
    BigDecimal exact = new BigDecimal(scaled);
    String whole = exact.setScale(0, RoundingMode.HALF_EVEN).toPlainString();
    int digits = whole.equals("0") ? 0 : whole.length();
    return exact.setScale(Math.max(2 - digits, 0), RoundingMode.HALF_EVEN).toPlainString() + unit;
  }
}
