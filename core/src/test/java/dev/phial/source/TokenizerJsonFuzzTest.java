package dev.phial.source;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;

final class TokenizerJsonFuzzTest {
  private static final Path FILE = Fuzzing.folder().resolve("tokenizer.json");

  @FuzzTest
  @DictionaryEntries({
    "model",
    "vocab",
    "merges",
    "ignore_merges",
    "added_tokens",
    "content",
    "pre_tokenizer",
    "post_processor"
  })
  void reads(byte[] bytes) {
    Fuzzing.write(FILE, bytes);
    Fuzzing.readOrRefuse(FILE, () -> TokenizerJson.read(FILE));
  }
}
