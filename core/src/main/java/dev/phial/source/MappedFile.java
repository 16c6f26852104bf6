package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** Maps a whole file, read-only; pages are read when they are touched. */
final class MappedFile {
  private static final byte[] GIT_LFS_POINTER =
      "version https://git-lfs.github.com/spec/".getBytes(StandardCharsets.US_ASCII);

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
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      if (startsWith(all, GIT_LFS_POINTER)) {
        throw Refusal.bad(
            file, "expected data, found a Git LFS pointer to it; run git lfs pull, or download it");
      }
      return all;
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static boolean startsWith(MemorySegment all, byte[] start) {
    // copied first: mismatch on a mapped file that shrinks kills the JVM
    return all.byteSize() > start.length
        && Arrays.equals(all.asSlice(0, start.length).toArray(ValueLayout.JAVA_BYTE), start);
  }
}
