package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import java.util.Optional;
import picocli.CommandLine.Option;

/** How models that are quantized already are taken. */
final class CarryOptions {
  @Option(
      names = "--carry",
      description =
          "Take codes, scales and zero points over as they are, and refuse where that is not possible exactly; the precision follows from them.")
  private boolean carries;

  @Option(
      names = "--original",
      paramLabel = "FOLDER",
      description =
          "The checkpoint that MODEL was made from, to lend configuration and tokenizer where a GGUF file or an export has not all of them; its weights are not read.")
  private Optional<String> original = Optional.empty();

  /** Codes that are kept are not chosen. */
  Method method(Method otherwise) {
    if (carries && otherwise != Method.REFERENCE) {
      throw new PhialException.Usage(
          "--method: with --carry codes stay as they are; omit one of them");
    }
    return carries ? Method.KEEP : otherwise;
  }

  Optional<String> original() {
    return original;
  }
}
