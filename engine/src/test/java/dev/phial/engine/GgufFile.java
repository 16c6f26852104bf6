package dev.phial.engine;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes GGUF files that hold metadata only. */
public final class GgufFile {
  private final ByteArrayOutputStream metadata = new ByteArrayOutputStream();
  private int keys;

  public GgufFile text(String key, String value) {
    start(key, 8);
    string(value);
    return this;
  }

  public GgufFile whole(String key, int value) {
    start(key, 4);
    bytes(4).putInt(value);
    return put();
  }

  public GgufFile real(String key, float value) {
    start(key, 6);
    bytes(4).putFloat(value);
    return put();
  }

  public GgufFile flag(String key, boolean value) {
    start(key, 7);
    bytes(1).put((byte) (value ? 1 : 0));
    return put();
  }

  public GgufFile texts(String key, List<String> values) {
    start(key, 9);
    bytes(12).putInt(8).putLong(values.size());
    put();
    values.forEach(this::string);
    return this;
  }

  public GgufFile ints(String key, int... values) {
    start(key, 9);
    bytes(12 + 4 * values.length).putInt(5).putLong(values.length);
    for (int value : values) {
      buffer.putInt(value);
    }
    return put();
  }

  public GgufFile reals(String key, float... values) {
    start(key, 9);
    bytes(12 + 4 * values.length).putInt(6).putLong(values.length);
    for (float value : values) {
      buffer.putFloat(value);
    }
    return put();
  }

  public Path write(Path file) {
    ByteBuffer header = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
    header.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(0).putLong(keys);
    try {
      byte[] body = metadata.toByteArray();
      byte[] all = new byte[header.capacity() + body.length];
      System.arraycopy(header.array(), 0, all, 0, header.capacity());
      System.arraycopy(body, 0, all, header.capacity(), body.length);
      return Files.write(file, all);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private ByteBuffer buffer = ByteBuffer.allocate(0);

  private ByteBuffer bytes(int count) {
    buffer = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
    return buffer;
  }

  private GgufFile put() {
    metadata.writeBytes(buffer.array());
    return this;
  }

  private void start(String key, int type) {
    keys++;
    string(key);
    bytes(4).putInt(type);
    put();
  }

  private void string(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    bytes(8 + utf8.length).putLong(utf8.length).put(utf8);
    put();
  }
}
