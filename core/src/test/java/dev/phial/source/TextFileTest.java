package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TextFileTest {
  @TempDir Path folder;

  @Test
  void readsNoMoreThanIsAllowed() throws IOException {
    byte[] bytes = "äb".getBytes(StandardCharsets.UTF_8);
    assertThat(TextFile.read(new ByteArrayInputStream(bytes), "input", 3)).isEqualTo("äb");
    assertThatThrownBy(() -> TextFile.read(new ByteArrayInputStream(bytes), "input", 2))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessage("input: expected at most 2 bytes of text, found more; split it");
  }

  @Test
  void keepsEveryCharacter() throws IOException {
    String text = "\uFEFFa\r\n\0 ünï 😀\n";
    assertThat(TextFile.read(Files.writeString(folder.resolve("a.txt"), text))).isEqualTo(text);
    assertThat(TextFile.read(Files.writeString(folder.resolve("b.txt"), ""))).isEmpty();
  }

  @Test
  void endsLinesAsPythonDoes() throws IOException {
    Path file = Files.writeString(folder.resolve("a.txt"), "a\r\nb\rc\n");
    assertThat(TextFile.readLikePython(file)).isEqualTo("a\nb\nc\n");
  }

  @Test
  void refusesWhatIsNotUtf8() throws IOException {
    assertRefused(new byte[] {'a', 'b', (byte) 0xE9, 'c'}, "found byte 0xe9 at 2");
    assertRefused(new byte[] {'a', (byte) 0xC3}, "found byte 0xc3 at 1");
    assertRefused(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80}, "found byte 0xed at 0");
  }

  private void assertRefused(byte[] bytes, String message) throws IOException {
    Path file = Files.write(folder.resolve("bad.txt"), bytes);
    assertThatThrownBy(() -> TextFile.read(file))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContainingAll("bad.txt", message);
  }

  @Test
  void refusesWhatIsNoFile() {
    assertThatThrownBy(() -> TextFile.read(folder)).hasMessageContaining("found a folder");
    assertThatThrownBy(() -> TextFile.read(folder.resolve("none")))
        .hasMessageContaining("there is no such file");
  }
}
