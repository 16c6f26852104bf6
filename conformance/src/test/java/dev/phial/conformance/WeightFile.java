package dev.phial.conformance;

import dev.phial.io.Json;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A safetensors file that a test makes up. */
final class WeightFile {
  private final Map<String, Stored> tensors = new LinkedHashMap<>();

  private record Stored(String type, List<Long> shape, byte[] bytes) {}

  void put(String name, String type, List<Long> shape, byte[] bytes) {
    tensors.put(name, new Stored(type, shape, bytes));
  }

  /** Takes a tensor of another file as it is. */
  void copy(Tensor tensor) {
    byte[] bytes = tensor.data().toArray(ValueLayout.JAVA_BYTE);
    put(tensor.name(), tensor.encoding().name(), tensor.shape().dimensions(), bytes);
  }

  void write(Path file) throws IOException {
    ObjectNode header = Json.MAPPER.createObjectNode();
    long offset = 0;
    for (Map.Entry<String, Stored> tensor : tensors.entrySet()) {
      ObjectNode entry = header.putObject(tensor.getKey()).put("dtype", tensor.getValue().type);
      ArrayNode shape = entry.putArray("shape");
      tensor.getValue().shape.forEach(shape::add);
      long end = offset + tensor.getValue().bytes.length;
      entry.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    try (OutputStream out = Files.newOutputStream(file)) {
      out.write(
          ByteBuffer.allocate(Long.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(text.length)
              .array());
      out.write(text);
      for (Stored tensor : tensors.values()) {
        out.write(tensor.bytes);
      }
    }
  }
}
