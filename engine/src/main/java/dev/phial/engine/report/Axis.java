package dev.phial.engine.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Where values lie in a plot.
 *
 * @param least value, at {@code from}; above 0 if logarithmic
 * @param most value, at {@code to}; more than the least
 */
record Axis(double least, double most, boolean logarithmic, double from, double to) {
  private static final int TICKS = 6; // about

  /** From 0 to a little more than the largest value. */
  static Axis linear(double largest, double from, double to) {
    double most = largest > 0 ? largest : 1;
    return new Axis(0, most * 1.05, false, from, to);
  }

  /** Whole powers of ten around values above 0. */
  static Axis logarithmic(double smallest, double largest, double from, double to) {
    double least = Math.pow(10, Math.floor(Math.log10(smallest)));
    double most = Math.pow(10, Math.ceil(Math.log10(largest)));
    return new Axis(least, most > least ? most : 10 * least, true, from, to);
  }

  /** The place of a value; of one below the least, the end. */
  double at(double value) {
    double share =
        logarithmic
            ? Math.log(Math.max(value, least) / least) / Math.log(most / least)
            : (value - least) / (most - least);
    return from + share * (to - from);
  }

  /** Values to write at the axis. */
  List<Double> ticks() {
    List<Double> ticks = new ArrayList<>();
    if (logarithmic) {
      int decades = (int) Math.round(Math.log10(most / least));
      int step = (decades + TICKS - 1) / TICKS;
      for (int i = 0; i <= decades; i += step) {
        ticks.add(least * Math.pow(10, i));
      }
      return ticks;
    }
    double rough = (most - least) / TICKS;
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    double step = rough / power <= 2 ? 2 * power : rough / power <= 5 ? 5 * power : 10 * power;
    for (int i = 0; least + i * step <= most; i++) {
      ticks.add(least + i * step);
    }
    return ticks;
  }
}
