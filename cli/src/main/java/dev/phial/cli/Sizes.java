package dev.phial.cli;

import java.util.Locale;

/** Bytes for people. */
final class Sizes {
  private Sizes() {}

  /** {@code 3,383,520}. */
  static String exactly(long bytes) {
    return String.format(Locale.ROOT, "%,d", bytes);
  }

  /** Decimal units, as disks and downloads count: {@code 2.39 GB}. */
  static String of(long bytes) {
    String[] units = {"bytes", "kB", "MB", "GB", "TB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    return unit == 0 ? bytes + " bytes" : String.format(Locale.ROOT, "%.2f %s", value, units[unit]);
  }
}
