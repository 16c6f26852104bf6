package dev.phial.source;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Files as tests write them down: text is UTF-8, numbers are little-endian in their own width. */
final class Bytes {
  private Bytes() {}

  static byte[] of(Object... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Object part : parts) {
      out.writeBytes(
          switch (part) {
            case byte[] bytes -> bytes;
            case String text -> text.getBytes(StandardCharsets.UTF_8);
            case Byte value -> new byte[] {value};
            case Short value -> little(2).putShort(value).array();
            case Integer value -> little(4).putInt(value).array();
            case Long value -> little(8).putLong(value).array();
            case Float value -> little(4).putFloat(value).array();
            default -> throw new IllegalArgumentException("no bytes for " + part.getClass());
          });
    }
    return out.toByteArray();
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
