package dev.phial.engine.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a reference predicts, as tools/make-logits-golden.py wrote it. */
final class Golden {
  private final JsonNode header;
  private final ByteBuffer data;

  private Golden(JsonNode header, ByteBuffer data) {
    this.header = header;
    this.data = data;
  }

  static Golden of(String model) {
    try (InputStream in = Golden.class.getResourceAsStream(model + ".safetensors")) {
      ByteBuffer all =
          ByteBuffer.wrap(Objects.requireNonNull(in).readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      byte[] header = new byte[Math.toIntExact(all.getLong())];
      all.get(header);
      return new Golden(
          new JsonMapper().readTree(new String(header, StandardCharsets.UTF_8)),
          all.slice().order(ByteOrder.LITTLE_ENDIAN));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  boolean has(String name) {
    return header.has(name);
  }

  int[] ints(String name) {
    int[] values = new int[size(name)];
    bytes(name).asIntBuffer().get(values);
    return values;
  }

  float[] floats(String name) {
    float[] values = new float[size(name)];
    bytes(name).asFloatBuffer().get(values);
    return values;
  }

  private int size(String name) {
    return header.path(name).path("shape").path(0).intValue();
  }

  private ByteBuffer bytes(String name) {
    int from = header.path(name).path("data_offsets").path(0).intValue();
    return data.slice(from, 4 * size(name)).order(ByteOrder.LITTLE_ENDIAN);
  }
}
