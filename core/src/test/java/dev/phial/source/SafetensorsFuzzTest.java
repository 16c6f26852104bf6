package dev.phial.source;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.lang.foreign.Arena;
import java.nio.file.Path;

final class SafetensorsFuzzTest {
  private static final Path FILE = Fuzzing.folder().resolve("model.safetensors");

  @FuzzTest
  void reads(byte[] bytes) {
    Fuzzing.readOrRefuse(
        Fuzzing.write(FILE, bytes),
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            Fuzzing.decode(Safetensors.read(FILE, arena));
          }
        });
  }
}
