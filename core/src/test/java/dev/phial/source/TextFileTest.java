package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TextFileTest {
  @TempDir Path folder;

  @Test
  void readsLinesAsPythonDoes() throws IOException {
    Path file = Files.writeString(folder.resolve("text"), "α\r\nβ\rγ\n");
    assertThat(TextFile.read(file)).isEqualTo("α\nβ\nγ\n");
  }

  @Test
  void refusesWhatIsMissing() {
    assertThatThrownBy(() -> TextFile.read(folder.resolve("text")))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("there is no such file");
  }

  @Test
  void refusesWhatIsNotUtf8() throws IOException {
    Path file = Files.write(folder.resolve("text"), new byte[] {'a', (byte) 0xFF});
    assertThatThrownBy(() -> TextFile.read(file))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("expected a text in UTF-8");
  }

  @Test
  void refusesWhatIsTooLarge() throws IOException {
    Path file = folder.resolve("text");
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(8L << 30);
    }
    assertThatThrownBy(() -> TextFile.read(file))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("expected a text of at most");
  }
}
