package dev.phial.source;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;

final class ImportanceMatrixFuzzTest {
  private static final Path FILE = Fuzzing.folder().resolve("imatrix");

  @FuzzTest
  @DictionaryEntries({"imatrix.datasets", "imatrix.chunk_count", ".in_sum2", ".counts"})
  void reads(byte[] bytes) {
    Fuzzing.write(FILE, bytes);
    Fuzzing.readOrRefuse(FILE, () -> ImportanceMatrix.read(FILE));
  }
}
