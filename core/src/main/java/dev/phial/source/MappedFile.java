package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.LfsPointer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Maps a whole file, read-only; pages are read when they are touched. */
final class MappedFile {
  private MappedFile() {}

  /**
   * @throws PhialException.BadInput if the file cannot be opened or is empty
   */
  static MemorySegment map(Path file, Arena arena) {
    if (Files.exists(file) && !Files.isRegularFile(file)) { // opening a pipe would wait for ever
      throw Refusal.bad(file, "expected a file, found a folder or device");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() == 0) {
        throw Refusal.bad(file, "expected data, found an empty file; download it again");
      }
      LfsPointer.refuse(file);
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }
}
