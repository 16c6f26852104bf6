package dev.phial.source;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.phial.io.Json;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Optional;

final class TorchQuantizersFuzzTest {
  private static final Path FOLDER = Fuzzing.folder();
  private static final Path FILE = FOLDER.resolve("model.safetensors");
  private static final Config CONFIG =
      new Config(FOLDER.resolve("config.json"), Json.MAPPER.createObjectNode());

  @FuzzTest
  void reads(byte[] bytes) {
    Fuzzing.readOrRefuse(
        Fuzzing.write(FILE, bytes),
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            Fuzzing.decode(
                TorchQuantizers.attach(
                    CONFIG, Optional.empty(), Safetensors.read(FILE, arena), new ArrayList<>()));
          }
        });
  }
}
