package dev.phial.targets.mlx;

import dev.phial.io.Json;
import dev.phial.io.LittleEndian;
import dev.phial.targets.layout.Slot;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One safetensors file before it is written: eight bytes of header length, a JSON header, the data.
 *
 * @param entries in the order of their data, without gaps
 */
record SafetensorsFile(String name, List<Entry> entries) {
  private static final int ALIGNMENT = 8;

  /** A tensor of the file. */
  record Entry(String name, DType dtype, Shape shape) implements Slot {
    @Override
    public long bytes() {
      return dtype.bytes(shape.elements());
    }
  }

  SafetensorsFile {
    entries = List.copyOf(entries);
  }

  long dataBytes() {
    return entries.stream().mapToLong(Entry::bytes).sum();
  }

  /**
   * Everything before the data: sorted by name, and padded with spaces so that the data is aligned.
   */
  byte[] header() {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.putObject("__metadata__").put("format", "mlx");
    TreeMap<String, ObjectNode> sorted = new TreeMap<>();
    long offset = 0;
    for (Entry entry : entries) {
      ObjectNode node = Json.MAPPER.createObjectNode();
      ArrayNode offsets = node.putArray("data_offsets").add(offset);
      offset += entry.bytes();
      offsets.add(offset);
      node.put("dtype", entry.dtype.name());
      entry.shape.dimensions().forEach(node.putArray("shape")::add);
      sorted.put(entry.name, node);
    }
    sorted.forEach(json::set);
    byte[] text = json.toString().getBytes(StandardCharsets.UTF_8);
    int length = Math.ceilDiv(text.length, ALIGNMENT) * ALIGNMENT;
    byte[] header = new byte[Long.BYTES + length];
    Arrays.fill(header, (byte) ' ');
    LittleEndian.putLong(header, 0, length);
    System.arraycopy(text, 0, header, Long.BYTES, text.length);
    return header;
  }
}
