package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.targets.CalibrationText;
import java.nio.file.Path;
import java.util.Optional;
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

  @Option(
      names = "--moments",
      paramLabel = "FILE",
      description =
          "For --method gptq: what phial calibrate --moments found, in place of a text to read.")
  private Optional<Path> moments = Optional.empty();

  Method method() {
    return Method.named(method);
  }

  /**
   * What the model reads.
   *
   * @throws PhialException.Usage if moments are given that the method has no use for
   */
  CalibrationText text() {
    CalibrationText read = text.text();
    if (moments.isEmpty()) {
      return read;
    }
    if (method() != Method.GPTQ) {
      throw new PhialException.Usage(
          "--moments: expected --method gptq, found %s, which does not take them; omit --moments"
              .formatted(method));
    }
    if (!read.equals(CalibrationText.USUAL)) {
      throw new PhialException.Usage(
          "--moments: expected no text besides, found --calibration-text, -chunks or -context; omit those");
    }
    return new CalibrationText(read.files(), read.chunks(), read.context(), moments);
  }
}
