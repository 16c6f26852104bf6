package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;

final class GgufFuzzTest {
  private static final Path FOLDER = Fuzzing.folder();
  private static final Path FILE = FOLDER.resolve("model-00001-of-00002.gguf");

  @FuzzTest
  @DictionaryEntries({"general.alignment", "split.count", "split.no"})
  void reads(byte[] bytes) {
    Fuzzing.write(FILE, bytes);
    Fuzzing.readOrRefuse(
        FOLDER, // one that says it is split is refused for its other half
        () -> {
          try (Gguf gguf = Gguf.open(FILE)) {
            Fuzzing.decode(gguf.tensors());
            gguf.metadata().values().forEach(value -> assertThat(value.toString()).isNotNull());
          }
        });
  }
}
