package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.targets.CalibrationText;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** What the model reads to be calibrated. */
final class CalibrationTextOptions {
  @Option(
      names = "--calibration-text",
      paramLabel = "FILE",
      arity = "1",
      description =
          "The text that the model reads for it, in UTF-8, or conversations, {\"messages\": […]} a line, in a file that ends in .jsonl; once more for each further file. Shakespeare by default.")
  private List<Path> texts = new ArrayList<>();

  @Option(
      names = "--calibration-chunks",
      paramLabel = "N",
      description = "How many pieces of it; by default as many as make 32,768 tokens.")
  private int chunks;

  @Option(
      names = "--calibration-context",
      paramLabel = "N",
      description = "Tokens of such a piece; 512 by default.")
  private int context;

  /**
   * What the model reads.
   *
   * @throws PhialException.Usage if numbers make no sense
   */
  CalibrationText text() {
    check("--calibration-chunks", chunks);
    check("--calibration-context", context);
    return new CalibrationText(List.copyOf(texts), given(chunks), given(context), Optional.empty());
  }

  private static void check(String option, int number) {
    if (number < 0) {
      throw new PhialException.Usage(
          "%s: expected a number above 0, found %d".formatted(option, number));
    }
  }

  private static OptionalInt given(int number) {
    return number == 0 ? OptionalInt.empty() : OptionalInt.of(number);
  }
}
