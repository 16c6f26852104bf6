package dev.phial.io;

import java.util.Locale;

/** Numbers of bytes for display. */
public final class Sizes {
  private Sizes() {}

  /** {@code 3,383,520}. */
  public static String exactly(long bytes) {
    return String.format(Locale.ROOT, "%,d", bytes);
  }

  /** Decimal units, as disks and downloads count: {@code 2.39 GB}. */
  public static String of(long bytes) {
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
