package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SourcesTest {
  @TempDir Path folder;

  @Test
  void opensFoldersAndGgufFiles() {
    Path gguf = Refused.write(folder.resolve("model.gguf"), "GGUF", 3, 0L, 0L);
    try (Checkpoint checkpoint = Sources.open(gguf)) {
      assertThat(checkpoint.kind()).isEqualTo("gguf");
      assertThat(checkpoint.name()).isEqualTo("model");
    }
    Refused.write(folder.resolve("config.json"), "{}");
    Refused.write(folder.resolve("model.safetensors"), 2L, "{}");
    try (Checkpoint checkpoint = Sources.open(folder)) {
      assertThat(checkpoint.kind()).isEqualTo("huggingface");
    }
  }

  @Test
  void refusesEverythingElse() {
    Refused.asBad(folder, "genai_config.json, found neither", () -> Sources.open(folder));
    Path missing = folder.resolve("missing");
    Refused.asBad(missing, "no such file", () -> Sources.open(missing));
    Path id = Path.of("microsoft/phi-9");
    Refused.asBad(id, "hf:microsoft/phi-9", () -> Sources.open(id));
    Path endless = Path.of("/dev/zero"); // not on every system
    Refused.asBad(
        endless, Files.exists(endless) ? "neither" : "no such", () -> Sources.open(endless));
    for (String start : new String[] {"", "GGU", "PK\3\4", "\2\0\0\0\0\0\0\0{}"}) {
      Path file = Refused.write(folder.resolve("model"), start);
      Refused.asBad(file, "found neither", () -> Sources.open(file));
    }
  }
}
