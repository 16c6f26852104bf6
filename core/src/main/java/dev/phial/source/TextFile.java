package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text that a user brings: UTF-8, and nothing that only looks like it. */
public final class TextFile {
  private TextFile() {}

  /**
   * Reads a text with all its lines ended by {@code \n}, as Python reads it in the converters.
   *
   * @throws PhialException.BadInput if the file is missing, no file, too large or not UTF-8
   */
  public static String readLikePython(Path file) {
    return read(file).replace("\r\n", "\n").replace('\r', '\n');
  }

  /**
   * Reads a text, every character of it.
   *
   * @throws PhialException.BadInput if the file is missing, no file, too large or not UTF-8
   */
  public static String read(Path file) {
    if (Files.isDirectory(file)) {
      throw Refusal.bad(file, "expected a file with text, found a folder");
    }
    try (InputStream in = Json.open(file)) {
      return read(in, file.toString());
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  /**
   * Reads a stream that has a limit of its own to its end.
   *
   * @param name what to call it in messages
   * @throws PhialException.BadInput if it is not UTF-8
   */
  public static String read(InputStream in, String name) throws IOException {
    return read(in, name, Integer.MAX_VALUE);
  }

  /**
   * Reads a stream to its end.
   *
   * @param name what to call it in messages
   * @param most how many bytes it may have
   * @throws PhialException.BadInput if it is longer, or not UTF-8
   */
  public static String read(InputStream in, String name, int most) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(in.readNBytes(most));
    if (bytes.limit() == most && in.read() >= 0) {
      throw new PhialException.BadInput(
          "%s: expected at most %d bytes of text, found more; split it".formatted(name, most));
    }
    CharBuffer text = CharBuffer.allocate(bytes.remaining());
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    CoderResult result = decoder.decode(bytes, text, true);
    if (result.isError()) {
      throw new PhialException.BadInput(
          "%s: expected UTF-8, found byte 0x%02x at %d, which is none; convert it with iconv -t utf-8"
              .formatted(name, bytes.get(), bytes.position() - 1));
    }
    return text.flip().toString();
  }
}
