package dev.phial.source;

import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

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
    boolean isLlama = LlamaGguf.isIn(gguf);
    Gguf phi = isLlama ? LlamaGguf.asPhi3(gguf) : gguf;
    return Checkpoint.of(
            "gguf",
            path.getFileName().toString().replaceFirst("(-\\d{5}-of-\\d{5})?\\.gguf$", ""),
            phi,
            new Weights(arena, phi.files(), phi.tensors(), Naming.GGUF))
        .noting(isLlama ? List.of(LlamaGguf.note(gguf)) : List.of());
  }
}
