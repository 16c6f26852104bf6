package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Asserts that readers refuse, and that the message says which file and what was found in it. */
final class Refused {
  private Refused() {}

  static void asBad(Path file, String found, ThrowingCallable reading) {
    as(PhialException.BadInput.class, file, found, reading);
  }

  static void asUnsupported(Path file, String found, ThrowingCallable reading) {
    as(PhialException.Unsupported.class, file, found, reading);
  }

  private static void as(
      Class<? extends PhialException> type, Path file, String found, ThrowingCallable reading) {
    assertThatThrownBy(reading)
        .isExactlyInstanceOf(type)
        .hasMessageContaining(file.getFileName().toString())
        .hasMessageContaining(found)
        .message()
        .hasSizeLessThan(2000);
  }

  /** A reader of one file may refuse every truncation of a valid one, and do nothing else. */
  static void whereverCut(byte[] valid, Path file, Consumer<Path> reader) {
    for (int length = 0; length < valid.length; length++) {
      write(file, Arrays.copyOf(valid, length));
      assertThat(catchThrowable(() -> reader.accept(file)))
          .as("cut to %d of %d bytes", length, valid.length)
          .isInstanceOfAny(PhialException.BadInput.class, PhialException.Unsupported.class)
          .hasMessageContaining(file.getFileName().toString());
    }
    write(file, valid);
    reader.accept(file);
  }

  /** Calls a reader that maps into an arena. */
  static Consumer<Path> in(BiConsumer<Path, Arena> reader) {
    return file -> {
      try (Arena arena = Arena.ofConfined()) {
        reader.accept(file, arena);
      }
    };
  }

  static Path write(Path file, Object... parts) {
    try {
      return Files.write(file, Bytes.of(parts));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
