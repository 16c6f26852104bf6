package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.quant.FloatType;

/** Refuses numbers that a type would turn into infinity. */
final class Overflow {
  private Overflow() {}

  static void check(String name, FloatType type, float[] x, int from, int count) {
    if (type == FloatType.F32) {
      return; // the pass hands out finite numbers only
    }
    for (int i = from; i < from + count; i++) {
      if (!Float.isFinite(type.round(x[i]))) {
        throw new PhialException.Unsupported(
            "tensor %s: expected numbers that fit %s, whose largest is %s, found %s; choose a provider and precision with another type"
                .formatted(name, type, type.largest(), x[i]));
      }
    }
  }
}
