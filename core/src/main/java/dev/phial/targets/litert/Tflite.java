package dev.phial.targets.litert;

import com.google.flatbuffers.FlatBufferBuilder;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.targets.layout.Slot;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model of TensorFlow Lite: a flatbuffer (tables {@code Model}, {@code Buffer} and others of
 * {@code schema.fbs}, whose slots are numbered here as there), and behind it the parameters, which
 * come later. So the flatbuffer stays small, and its limit of 2 GB is none for the model.
 */
final class Tflite {
  private static final int VERSION = 3;
  private static final String IDENTIFIER = "TFL3";
  private static final int INLINE_ALIGNMENT = 16; // what the schema asks of Buffer.data
  private static final int ALIGNMENT = 64; // of what lies behind, for runtimes that map it

  private final FlatBufferBuilder builder = new FlatBufferBuilder(1 << 16);
  private final List<Integer> buffers = new ArrayList<>(); // tables
  private final Map<ByteBuffer, Integer> constants = new HashMap<>();
  private final Map<Operator, Integer> operators = new LinkedHashMap<>();
  private final List<Integer> subgraphs = new ArrayList<>();
  private final List<Integer> signatures = new ArrayList<>();
  private final List<Integer> metadata = new ArrayList<>();
  private final Map<ActivationCodes, Integer> activations = new HashMap<>(); // tables
  private final Map<Integer, Integer> zeroPoints = new HashMap<>(); // vectors by their length

  /** Buffers behind the flatbuffer, and their tables. */
  private final Map<Slot, Integer> behind = new LinkedHashMap<>();

  /** Vectors of scales in the flatbuffer, which are filled in later. */
  private final Map<Slot, Integer> scales = new LinkedHashMap<>();

  Tflite() {
    builder.startTable(3);
    buffers.add(builder.endTable()); // the first one is that of tensors without data
  }

  FlatBufferBuilder builder() {
    return builder;
  }

  /**
   * What has been built.
   *
   * @param head the flatbuffer
   * @param places of the slots, in bytes from its beginning
   * @param bytes of all
   */
  record Built(byte[] head, Map<Slot, Long> places, long bytes) {}

  // --- buffers

  /** Bytes that are known; what is equal is kept once. */
  int constant(byte[] bytes) {
    return constants.computeIfAbsent(ByteBuffer.wrap(bytes), key -> buffer(bytes));
  }

  private int buffer(byte[] bytes) {
    builder.startVector(1, bytes.length, INLINE_ALIGNMENT);
    for (int i = bytes.length - 1; i >= 0; i--) {
      builder.addByte(bytes[i]);
    }
    int data = builder.endVector();
    builder.startTable(3);
    builder.addOffset(0, data, 0);
    buffers.add(builder.endTable());
    return buffers.size() - 1;
  }

  /** Room behind the flatbuffer. */
  int buffer(Slot slot) {
    builder.startTable(3);
    builder.addLong(1, Long.MAX_VALUE, 0); // offset, see build
    builder.addLong(2, slot.bytes(), 0);
    int table = builder.endTable();
    behind.put(slot, table);
    buffers.add(table);
    return buffers.size() - 1;
  }

  /**
   * A table {@code QuantizationParameters} with a scale for each row, and zero points, which must
   * be as many.
   *
   * @param slot of the scales
   */
  int rowScales(Slot slot) {
    int rows = Math.toIntExact(slot.bytes() / Float.BYTES);
    builder.startVector(Float.BYTES, rows, Float.BYTES);
    for (int i = 0; i < rows; i++) {
      builder.addFloat(0);
    }
    int vector = builder.endVector();
    scales.put(slot, vector);
    int zeros = zeroPoints.computeIfAbsent(rows, this::zeros);
    builder.startTable(7);
    builder.addOffset(2, vector, 0);
    builder.addOffset(3, zeros, 0);
    return builder.endTable();
  }

  /** A table {@code QuantizationParameters} of activations, whose codes have a sign here. */
  int scale(ActivationCodes codes) {
    return activations.computeIfAbsent(codes, this::newScale);
  }

  private int newScale(ActivationCodes codes) {
    builder.startVector(Float.BYTES, 1, Float.BYTES);
    builder.addFloat(codes.scale());
    int scale = builder.endVector();
    builder.startVector(Long.BYTES, 1, Long.BYTES);
    builder.addLong(codes.zero() + Byte.MIN_VALUE);
    int zero = builder.endVector();
    builder.startTable(7);
    builder.addOffset(2, scale, 0);
    builder.addOffset(3, zero, 0);
    return builder.endTable();
  }

  private int zeros(int count) {
    builder.startVector(Long.BYTES, count, Long.BYTES);
    for (int i = 0; i < count; i++) {
      builder.addLong(0);
    }
    return builder.endVector();
  }

  // --- parts

  /** The index of an operator in {@code operator_codes}. */
  int code(Operator operator) {
    return operators.computeIfAbsent(operator, key -> operators.size());
  }

  /** Takes a table {@code SubGraph} and says which it is. */
  int subgraph(int table) {
    subgraphs.add(table);
    return subgraphs.size() - 1;
  }

  /** Takes a table {@code SignatureDef}. */
  void signature(int table) {
    signatures.add(table);
  }

  void metadata(String name, byte[] bytes) {
    int buffer = constant(bytes);
    int text = builder.createString(name);
    builder.startTable(2);
    builder.addOffset(0, text, 0);
    builder.addInt(1, buffer, 0);
    metadata.add(builder.endTable());
  }

  /** A vector of numbers. */
  int ints(List<Integer> values) {
    builder.startVector(Integer.BYTES, values.size(), Integer.BYTES);
    for (int value : values.reversed()) {
      builder.addInt(value);
    }
    return builder.endVector();
  }

  /** A vector of tables. */
  int tables(List<Integer> offsets) {
    return builder.createVectorOfTables(offsets.stream().mapToInt(offset -> offset).toArray());
  }

  // --- the whole

  Built build(String description) {
    int codes = tables(operators.keySet().stream().map(this::operatorCode).toList());
    int graphs = tables(subgraphs);
    int text = builder.createString(description);
    int data = tables(buffers);
    int notes = tables(metadata);
    int entries = tables(signatures);
    builder.startTable(10);
    builder.addInt(0, VERSION, 0);
    builder.addOffset(1, codes, 0);
    builder.addOffset(2, graphs, 0);
    builder.addOffset(3, text, 0);
    builder.addOffset(4, data, 0);
    builder.addOffset(6, notes, 0);
    builder.addOffset(7, entries, 0);
    builder.finish(builder.endTable(), IDENTIFIER);
    return placed(builder.sizedByteArray());
  }

  private int operatorCode(Operator operator) {
    builder.startTable(4);
    builder.addByte(0, (byte) Math.min(operator.number(), Byte.MAX_VALUE), 0);
    builder.addInt(2, operator.version(), 1);
    builder.addInt(3, operator.number(), 0);
    return builder.endTable();
  }

  /** Gives everything its place; the builder counts from the end of the flatbuffer. */
  private Built placed(byte[] head) {
    ByteBuffer bytes = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
    Map<Slot, Long> places = new LinkedHashMap<>();
    scales.forEach((slot, vector) -> places.put(slot, (long) head.length - vector + Integer.BYTES));
    long end = head.length;
    for (Map.Entry<Slot, Integer> entry : behind.entrySet()) {
      long at = Math.ceilDiv(end, ALIGNMENT) * ALIGNMENT;
      int table = head.length - entry.getValue();
      int slots = table - bytes.getInt(table);
      bytes.putLong(table + bytes.getShort(slots + 2 * Short.BYTES + Short.BYTES), at);
      places.put(entry.getKey(), at);
      end = at + entry.getKey().bytes();
    }
    return new Built(head, places, end);
  }
}
