package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
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
    if (Files.isDirectory(file)) {
      throw new PhialException.BadInput(file + ": expected a file, found a folder");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() == 0) {
        throw new PhialException.BadInput(file + " is empty; download it again");
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }
}
