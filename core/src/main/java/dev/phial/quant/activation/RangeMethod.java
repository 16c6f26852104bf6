package dev.phial.quant.activation;

import dev.phial.PhialException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How the range of activations follows from those that were seen, by ONNX Runtime's names. */
public enum RangeMethod {
  /** All of them. */
  MINMAX,
  /** All but the outermost. */
  PERCENTILE,
  /** Those without which their distribution, in 128 steps, stays most like itself. */
  ENTROPY;

  /** Percent that the range holds: the default of ONNX Runtime's calibrator. */
  public static final double USUAL_PERCENTILE = 99.999;

  public static RangeMethod named(String name) {
    return Arrays.stream(values())
        .filter(method -> method.label().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "--calibrate-method: expected one of %s, found %s"
                    .formatted(String.join(", ", labels()), name)));
  }

  public static List<String> labels() {
    return Arrays.stream(values()).map(RangeMethod::label).toList();
  }

  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
