package dev.phial.source;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;

final class SentencePieceFuzzTest {
  private static final Path FILE = Fuzzing.folder().resolve("tokenizer.model");

  @FuzzTest
  void reads(byte[] bytes) {
    Fuzzing.write(FILE, bytes);
    Fuzzing.readOrRefuse(FILE, () -> SentencePiece.read(FILE));
  }
}
