package dev.phial.source;

import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;

/** A model in a GGUF file, or in several. */
final class GgufFile implements Source {
  private static final int START = 4;

  @Override
  public boolean isAt(Path path) {
    return Files.isRegularFile(path) && Gguf.recognizes(start(path));
  }

  private static byte[] start(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(START);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Gguf gguf = Gguf.read(path, arena);
    gguf.text("general.type")
        .filter(type -> !type.equals("model"))
        .ifPresent(type -> {
          throw Refusal.unsupported(
              path,
              "expected a model, found general.type %s; %s",
              type,
              type.equals("adapter")
                  ? "merge the adapter into its model first (llama-export-lora)"
                  : "pass the file of the model");
        });
    return Checkpoint.of(
        "gguf",
        path.getFileName().toString().replaceFirst("(-\\d{5}-of-\\d{5})?\\.gguf$", ""),
        gguf,
        new Weights(arena, gguf.files(), gguf.tensors(), Naming.GGUF));
  }
}
