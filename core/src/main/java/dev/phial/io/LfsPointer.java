package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** What lies in place of a file that Git LFS has not fetched: a few lines of text. */
public final class LfsPointer {
  private static final byte[] START =
      "version https://git-lfs.github.com/spec/".getBytes(StandardCharsets.US_ASCII);
  private static final int LARGEST = 1024; // as the specification has it

  private LfsPointer() {}

  /**
   * @throws PhialException.BadInput if the file is a pointer
   */
  public static void refuse(Path file) throws IOException {
    if (isAt(file)) {
      throw new PhialException.BadInput(
          file
              + ": expected data, found a Git LFS pointer to it; run git lfs pull, or download it");
    }
  }

  private static boolean isAt(Path file) throws IOException {
    if (!Files.isRegularFile(file) || Files.size(file) >= LARGEST) {
      return false;
    }
    try (InputStream in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(START.length), START);
    }
  }
}
