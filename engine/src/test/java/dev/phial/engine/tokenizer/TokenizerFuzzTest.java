package dev.phial.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.phial.PhialException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Whatever a tokenizer.json holds, it turns texts into tokens and back, or is refused before the
 * library that runs it can end the process.
 */
final class TokenizerFuzzTest {
  private static final Path FOLDER = folder();

  private static final String TEXT =
      "Hello, world!  It's <s>7 × 6</s>\r\n\t▁ ΑΣ \u00A0😀 " + "aB".repeat(300) + " ".repeat(300);

  private static Path folder() {
    try {
      Path folder = Files.createTempDirectory("phial-fuzz");
      folder.toFile().deleteOnExit();
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @FuzzTest
  @DictionaryEntries({
    "\"type\":\"Sequence\"",
    "\"type\":\"Split\"",
    "\"type\":\"ByteLevel\"",
    "\"type\":\"Metaspace\"",
    "\"type\":\"Digits\"",
    "\"type\":\"Replace\"",
    "\"type\":\"Prepend\"",
    "\"type\":\"NFKC\"",
    "\"type\":\"Lowercase\"",
    "\"type\":\"Strip\"",
    "\"type\":\"Fuse\"",
    "\"type\":\"ByteFallback\"",
    "\"Regex\":",
    "\"String\":",
    "\"behavior\":\"MergedWithNext\"",
    "\"behavior\":\"Removed\"",
    "\"invert\":true",
    "\"prepend_scheme\":\"first\"",
    "\"individual_digits\":true",
    "\"lstrip\":true",
    "\"rstrip\":true",
    "\"single_word\":true",
    "\"normalized\":true",
    "\"special\":true",
    "\"fuse_unk\":true",
    "\"byte_fallback\":true",
    "\"ignore_merges\":true",
    "\"unk_token\":\"a\"",
    "\\\\p{L}+",
    "\\\\s+(?!\\\\S)",
    "\\\\s*[\\\\r\\\\n]+",
    "(?i:'s|'t)?",
    "[^a-z]",
    "\\\\p{Nd}{1,3}",
    "a*[ab]+|[ab]+"
  })
  void encodes(byte[] json) {
    Path file = FOLDER.resolve("tokenizer.json");
    file.toFile().deleteOnExit();
    try {
      Files.write(file, json);
      Tokenizer tokenizer = Tokenizer.open(FOLDER);
      for (boolean special : new boolean[] {true, false}) {
        int[] ids = tokenizer.encode(TEXT, special).ids();
        assertThat(Arrays.stream(ids)).allMatch(id -> id >= 0 && id <= Limits.HIGHEST_ID);
        assertThat(tokenizer.decode(ids)).isNotNull();
      }
    } catch (PhialException e) {
      assertThat(e)
          .message()
          .contains(FOLDER.toString())
          .hasSizeLessThan(4000)
          .doesNotContainPattern("\\p{Cc}");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
