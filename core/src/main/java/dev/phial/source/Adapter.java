package dev.phial.source;

import dev.phial.PhialException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A low-rank adapter (LoRA) as peft saves it: no model, but a change to one. */
final class Adapter {
  private static final String CONFIG = "adapter_config.json";
  private static final List<String> FILES =
      List.of(CONFIG, "adapter_model.safetensors", "adapter_model.bin");
  private static final String REMEDY = "merge it into its model first (peft: merge_and_unload)";

  private Adapter() {}

  static boolean isIn(Path folder) {
    return FILES.stream().anyMatch(name -> Files.isRegularFile(folder.resolve(name)));
  }

  /** What to say where one lies beside the weights of a model. */
  static Optional<String> note(Path folder) {
    return isIn(folder)
        ? Optional.of(
            "%s: an adapter lies beside the weights, and is not part of what is read; %s if it is to count"
                .formatted(folder, REMEDY))
        : Optional.empty();
  }

  /** What to say where one lies instead of a model. */
  static PhialException instead(Path folder) {
    Path config = folder.resolve(CONFIG);
    String base =
        Files.isRegularFile(config)
            ? Config.read(config)
                .text("base_model_name_or_path")
                .map(name -> " for " + name)
                .orElse("")
            : "";
    return Refusal.unsupported(
        folder, "expected a model, found an adapter (LoRA)%s alone; %s", base, REMEDY);
  }
}
