package dev.phial.cli;

import dev.phial.choose.Method;
import dev.phial.targets.CalibrationText;
import java.util.Set;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How codes are chosen, and what the model reads for it. */
final class MethodOptions {
  /** Names of options that are those of a target too. */
  static final Set<String> SHARED =
      Set.of("calibration-text", "calibration-chunks", "calibration-context");

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description = {
        "How codes are chosen: reference (default) writes the bytes of the runtime's own converter;",
        "search tries many scales;",
        "gptq lets the model read a text and lessens the error of what each layer computes;",
        "best does so too, and lets each layer make up for the errors of those before it (takes twice as long)."
      })
  private String method = Method.REFERENCE.label();

  @Mixin private CalibrationTextOptions text = new CalibrationTextOptions();

  Method method() {
    return Method.named(method);
  }

  CalibrationText text() {
    return text.text();
  }
}
