package dev.phial.source;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;

final class LitertFuzzTest {
  private static final Path FOLDER = Fuzzing.folder();

  @FuzzTest
  @DictionaryEntries({"TFL3", "LITERTLM", "decode", ".weight", ".bias"})
  void readsBundles(byte[] bundle) {
    Fuzzing.write(FOLDER.resolve("config.json"), Bytes.of(LitertFolderTest.PHI));
    Fuzzing.write(FOLDER.resolve("model.litertlm"), bundle);
    Fuzzing.readOrRefuse(
        FOLDER,
        () -> {
          try (Checkpoint model = Sources.open(FOLDER)) {
            Fuzzing.decode(model.tensors());
          }
        });
  }
}
