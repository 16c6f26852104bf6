package dev.phial.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JacksonException;

final class JsonTest {
  @TempDir Path folder;

  @Test
  void readsWhatPythonWrites() {
    assertThat(Json.MAPPER.readTree("{\"a\":NaN,\"b\":-Infinity,\"a\":\"\\ud800\"}").size())
        .isEqualTo(2);
  }

  @Test
  void strictlyRefusesDuplicateNames() {
    assertThatThrownBy(() -> Json.STRICT.readTree("{\"a\":1,\"a\":2}"))
        .isInstanceOf(JacksonException.class)
        .hasMessageContaining("Duplicate");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{}{}", "{", "[1,]", "{\"a\"}", "nul", "'a'", "{\"a\":1}//", "01", "\u0000"})
  void refusesWhatIsNoJson(String text) {
    assertThatThrownBy(() -> Json.MAPPER.readTree(text)).isInstanceOf(JacksonException.class);
  }

  @Test
  void refusesDepthAndLength() {
    for (String text :
        new String[] {
          "[".repeat(65) + "]".repeat(65),
          "1".repeat(1001),
          "\"" + "x".repeat((1 << 24) + 1) + "\"",
          "{\"" + "x".repeat(1 << 18) + "\":1}"
        }) {
      assertThatThrownBy(() -> Json.MAPPER.readTree(text))
          .isInstanceOf(JacksonException.class)
          .hasMessageContaining("exceeds the maximum");
    }
  }

  @Test
  void opensFiles() throws IOException {
    Path file = Files.writeString(folder.resolve("a.json"), "{}");
    try (InputStream in = Json.open(file)) {
      assertThat(in.readAllBytes()).hasSize(2);
    }
  }

  @Test
  void refusesFilesThatAreMissingOrTooLarge() throws IOException {
    Path missing = folder.resolve("missing.json");
    assertThatThrownBy(() -> Json.open(missing).close())
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessage(missing + " cannot be read: there is no such file");
    Path large = folder.resolve("large.json");
    try (FileChannel channel =
        FileChannel.open(large, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), 300L << 20); // takes no room on the disk
    }
    assertThatThrownBy(() -> Json.open(large).close())
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("large.json: expected at most 268435456 bytes, found 314572801");
  }
}
