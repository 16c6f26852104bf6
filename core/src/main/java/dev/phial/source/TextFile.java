package dev.phial.source;

import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A text file beside the weights: a model card, a chat template, the merges of a tokenizer. */
public final class TextFile {
  private static final int LARGEST = 32 << 20; // ten times the longest merges.txt

  private TextFile() {}

  /**
   * Reads all of it, lines ended by {@code \n} as Python reads text.
   *
   * @throws dev.phial.PhialException.BadInput if it is missing, too large or not UTF-8
   */
  public static String read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LARGEST + 1);
      if (bytes.length > LARGEST) {
        throw Refusal.bad(file, "expected a text of at most %d bytes, found more", LARGEST);
      }
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes))
          .toString()
          .replace("\r\n", "\n")
          .replace('\r', '\n');
    } catch (CharacterCodingException e) {
      throw Refusal.bad(file, "expected a text in UTF-8, found other bytes; is it damaged?");
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }
}
