package dev.phial.cli;

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

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      description =
          "How codes are chosen: reference (default), which writes the bytes of the runtime's own converter; search.")
  private Optional<String> method = Optional.empty();

  Method method() {
    return carries
        ? Method.KEEP
        : method
            .map(m -> Method.valueOf(m.toUpperCase(java.util.Locale.ROOT)))
            .orElse(Method.REFERENCE);
  }

  Optional<String> original() {
    return original;
  }
}
