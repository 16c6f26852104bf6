package dev.phial.targets.layout;

import dev.phial.io.Json;
import dev.phial.io.LittleEndian;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One safetensors file before it is written: eight bytes of header length, a JSON header, the data.
 *
 * @param framework that the tensors are for, as the header says
 * @param entries in the order of their data, without gaps
 */
public record SafetensorsFile(String name, String framework, List<Entry> entries) {
  /** What the hub's tools take at most. */
  public static final long LARGEST = 5L << 30;

  private static final int ALIGNMENT = 8;

  /** A tensor of the file. */
  public record Entry(String name, DType dtype, Shape shape) implements Slot {
    @Override
    public long bytes() {
      return dtype.bytes(shape.elements());
    }
  }

  public SafetensorsFile {
    entries = List.copyOf(entries);
  }

  /**
   * As few files as there can be, in order; a tensor that is larger than one may be gets one for
   * itself.
   *
   * @param largest bytes of data of a file
   */
  public static List<SafetensorsFile> shards(String framework, List<Entry> entries, long largest) {
    List<List<Entry>> shards = new ArrayList<>();
    long bytes = 0;
    for (Entry entry : entries) {
      if (shards.isEmpty() || bytes + entry.bytes() > largest) {
        shards.add(new ArrayList<>());
        bytes = 0;
      }
      shards.getLast().add(entry);
      bytes += entry.bytes();
    }
    List<SafetensorsFile> files = new ArrayList<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? "model.safetensors"
              : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      files.add(new SafetensorsFile(name, framework, shards.get(i)));
    }
    return files;
  }

  /** Lays down header and tensors. */
  public void addTo(Layout.Builder builder) {
    byte[] header = header();
    builder.file(name, header);
    long offset = header.length;
    for (Entry entry : entries) {
      builder.place(entry, name, offset);
      offset += entry.bytes();
    }
  }

  /** Which tensor is where, as {@code model.safetensors.index.json} says it. */
  public static ObjectNode weightMap(List<SafetensorsFile> shards) {
    Map<String, String> files = new TreeMap<>();
    for (SafetensorsFile shard : shards) {
      shard.entries.forEach(entry -> files.put(entry.name(), shard.name));
    }
    ObjectNode map = Json.MAPPER.createObjectNode();
    files.forEach(map::put);
    return map;
  }

  public long dataBytes() {
    return entries.stream().mapToLong(Entry::bytes).sum();
  }

  /**
   * Everything before the data: sorted by name, and padded with spaces so that the data is aligned.
   */
  public byte[] header() {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.putObject("__metadata__").put("format", framework);
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
