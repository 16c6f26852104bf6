package dev.phial.targets.openvino;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The letters by which GPT-2's vocabularies write bytes. */
final class ByteLevel {
  private static final Map<Integer, Byte> BYTES = bytes();

  private ByteLevel() {}

  /** Printable Latin-1 stands for itself, the other bytes for the letters from U+0100 on. */
  private static Map<Integer, Byte> bytes() {
    Map<Integer, Byte> bytes = new HashMap<>();
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean isItself = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      bytes.put(isItself ? b : next++, (byte) b);
    }
    return bytes;
  }

  /** The bytes of a token; none if it is written in other letters. */
  static byte[] bytes(String token) {
    byte[] result = decoded(token);
    return result == null ? new byte[0] : result;
  }

  /** The bytes of a token, or its UTF-8 if it is written in other letters. */
  static byte[] addedBytes(String token) {
    byte[] result = decoded(token);
    return result == null ? token.getBytes(StandardCharsets.UTF_8) : result;
  }

  private static byte @Nullable [] decoded(String token) {
    byte[] result = new byte[token.length()];
    for (int i = 0; i < result.length; i++) {
      Byte b = BYTES.get((int) token.charAt(i));
      if (b == null) {
        return null;
      }
      result[i] = b;
    }
    return result;
  }
}
