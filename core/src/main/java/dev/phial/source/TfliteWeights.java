package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.IntCodes;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.InputCodes;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The parameters in a model of TensorFlow Lite: the constants of the signature {@code decode} that
 * have the names of a checkpoint, as Phial writes them, or those that {@link TfliteNames} finds.
 * Slots of tables are those of its schema.
 */
final class TfliteWeights {
  private static final int IDENTIFIER_AT = 4;
  private static final int TFL3 = 0x334C4654; // as the file has it
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final String SIGNATURE = "decode";
  private static final int MOST_SIGNATURES = 64;
  private static final int MOST_TENSORS = 1 << 18;
  private static final int HIGHEST_RANK = 8;

  private static final int FLOAT32 = 0;
  private static final int FLOAT16 = 1;
  private static final int INT8 = 9;
  private static final int INT4 = 17;

  private static final int BLOCKWISE = 2;

  private final Path file;
  private final MemorySegment all;
  private final FlatTable model;
  private final FlatTable graph;
  private final Extents extents = new Extents();
  private final Set<MemorySegment> zeroPoints = new HashSet<>(); // that have been looked at

  private TfliteWeights(Path file, MemorySegment all) {
    this.file = file;
    this.all = all;
    if (all.byteSize() < 2 * IDENTIFIER_AT || all.get(INT, IDENTIFIER_AT) != TFL3) {
      throw Refusal.bad(file, "expected a model of TensorFlow Lite (TFL3), found other bytes");
    }
    this.model = FlatTable.root(file, all);
    this.graph = model.table(2, signature().int32(4));
  }

  /**
   * What a model holds.
   *
   * @param tensors by name
   * @param activations what the runtime rounds
   */
  record Contents(Map<String, Tensor> tensors, RoundedActivations activations) {}

  /**
   * Finds the parameters.
   *
   * @param all bytes of the model
   * @param config of the checkpoint it was made from
   * @throws PhialException.BadInput if it is damaged
   * @throws PhialException.Unsupported if it is no decoder whose parameters can be found
   */
  static Contents read(Path file, MemorySegment all, Config config) {
    TfliteWeights weights = new TfliteWeights(file, all);
    return new Contents(weights.tensors(config), weights.activations());
  }

  private FlatTable signature() {
    int count = Math.min(model.size(7), MOST_SIGNATURES);
    for (int i = 0; i < count; i++) {
      FlatTable signature = model.table(7, i);
      if (signature.text(2).equals(SIGNATURE)) {
        return signature;
      }
    }
    throw Refusal.unsupported(
        file, "expected a decoder with the signature %s, found none of that name", SIGNATURE);
  }

  private Map<String, Tensor> tensors(Config config) {
    Map<Integer, String> names = ownNames();
    if (names.isEmpty()) {
      names = TfliteNames.find(file, model, graph, config);
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    names.forEach((index, name) -> {
      if (tensors.put(name, tensor(name, graph.table(0, index))) != null) {
        throw Refusal.bad(file, "tensor %s: expected it once, found it again", name);
      }
    });
    return tensors;
  }

  // --- activations

  private RoundedActivations activations() {
    Set<Boolean> areKnown = new HashSet<>(); // codes of what is multiplied with integers
    for (FlatTable operator : TfliteNames.operators(file, graph)) {
      if (TfliteNames.code(model, operator) == TfliteNames.FULLY_CONNECTED) {
        int weights = graph.table(0, operator.int32(1, 1)).int8(1);
        if (weights == INT8 || weights == INT4) {
          areKnown.add(graph.table(0, operator.int32(1, 0)).int8(1) == INT8);
        }
      }
    }
    Map<ActivationPlace, ActivationCodes> known = knownCodes();
    if (areKnown.contains(true) != !known.isEmpty() || areKnown.size() > 1) {
      throw Refusal.unsupported(
          file,
          "expected activations in codes at the places that Phial names, or in numbers everywhere, found others");
    }
    return areKnown.contains(false)
        ? RoundedActivations.of(InputCodes.QD8)
        : RoundedActivations.at(known);
  }

  private Map<ActivationPlace, ActivationCodes> knownCodes() {
    Map<ActivationPlace, ActivationCodes> codes = new HashMap<>();
    for (int i = 0; i < graph.size(0); i++) {
      FlatTable table = graph.table(0, i);
      ActivationPlace.atPath(table.text(3)).ifPresent(place -> codes.put(place, codes(table)));
    }
    return codes;
  }

  private ActivationCodes codes(FlatTable table) {
    FlatTable quantization =
        table
            .table(4)
            .filter(_ -> table.int8(1) == INT8)
            .orElseThrow(() ->
                Refusal.bad(
                    file, "tensor %s: expected codes with a scale, found none", table.text(3)));
    MemorySegment scale = quantization.bytes(2, Float.BYTES);
    MemorySegment zero = quantization.bytes(3, Long.BYTES);
    float step = scale.byteSize() == Float.BYTES ? scale.get(FLOAT, 0) : 0;
    long middle = zero.byteSize() == Long.BYTES ? zero.get(LONG, 0) : Long.MAX_VALUE;
    if (!(step > 0) || !Float.isFinite(step) || middle != (byte) middle) {
      throw Refusal.bad(
          file,
          "tensor %s: expected one scale above 0 and one zero point of 8 bits, found others",
          table.text(3));
    }
    return new ActivationCodes(Byte.SIZE, step, (int) middle - Byte.MIN_VALUE);
  }

  // --- parameters

  /** Those of tensors that are called as in a checkpoint, by their index. */
  private Map<Integer, String> ownNames() {
    int count = graph.size(0);
    if (count > MOST_TENSORS) {
      throw Refusal.bad(file, "expected at most %d tensors, found %d", MOST_TENSORS, count);
    }
    Map<Integer, String> names = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      String name = graph.table(0, i).text(3);
      if (name.endsWith(".weight") || name.endsWith(".bias")) { // others are computed, or tables
        names.put(i, Refusal.name(file, name));
      }
    }
    return names;
  }

  private Tensor tensor(String name, FlatTable table) {
    Shape shape = shape(name, table);
    int type = table.int8(1);
    Optional<FlatTable> quantization = table.table(4);
    return switch (type) {
      case FLOAT32 -> plain(name, table, shape, DType.F32);
      case FLOAT16 -> plain(name, table, shape, DType.F16);
      case INT8, INT4 -> {
        if (shape.rank() != 2) {
          throw Refusal.unsupported(
              file, "tensor %s: expected rows of codes, found %s", name, shape);
        }
        FlatTable scales =
            quantization.orElseThrow(() ->
                Refusal.bad(file, "tensor %s: expected scales of its codes, found none", name));
        yield scales.int8(4) == BLOCKWISE
            ? blocks(name, table, shape, type, scales.table(5))
            : rows(name, table, shape, type, scales);
      }
      default ->
          throw Refusal.unsupported(
              file,
              "tensor %s: expected FLOAT32, FLOAT16, INT8 or INT4, found type %d of TensorFlow Lite",
              name,
              type);
    };
  }

  private Shape shape(String name, FlatTable table) {
    int rank = table.size(0);
    if (rank < 1 || rank > HIGHEST_RANK) {
      throw Refusal.bad(
          file,
          "tensor %s: expected a shape of 1 to %d dimensions, found %d",
          name,
          HIGHEST_RANK,
          rank);
    }
    List<Long> dimensions = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      dimensions.add((long) table.int32(0, i));
    }
    if (dimensions.stream().anyMatch(dimension -> dimension < 1)) {
      throw Refusal.bad(file, "tensor %s: expected numbers, found shape %s", name, dimensions);
    }
    return new Shape(dimensions);
  }

  // --- codes

  private Tensor rows(String name, FlatTable table, Shape shape, int type, FlatTable scales) {
    long rows = shape.rows();
    MemorySegment values = scales.bytes(2, Float.BYTES);
    if (values.byteSize() != rows * Float.BYTES || scales.int32(6) != 0) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected a scale for each of %d rows, found %d along dimension %d",
          name,
          rows,
          values.byteSize() / Float.BYTES,
          scales.int32(6));
    }
    checkZeros(name, scales.bytes(3, Long.BYTES), rows);
    Tensor perRow = new Tensor(file, name, DType.F32, Shape.of(rows, 1), values);
    int columns = Math.toIntExact(shape.columns());
    return plain(name, table, shape, codes(type, ""))
        .withScales(new GroupScales(columns, perRow, null, 0));
  }

  /** Zero points, which tensors may share: they are looked at once. */
  private void checkZeros(String name, MemorySegment zeros, long rows) {
    if (zeros.byteSize() > rows * Long.BYTES) {
      throw Refusal.bad(
          file,
          "tensor %s: expected at most %d zero points, found %d",
          name,
          rows,
          zeros.byteSize() / Long.BYTES);
    }
    if (!zeroPoints.add(zeros)) {
      return;
    }
    for (long i = 0; i < zeros.byteSize(); i++) {
      if (zeros.get(ValueLayout.JAVA_BYTE, i) != 0) {
        throw Refusal.unsupported(
            file, "tensor %s: expected codes around zero, found zero points", name);
      }
    }
  }

  private Tensor blocks(
      String name, FlatTable table, Shape shape, int type, Optional<FlatTable> details) {
    FlatTable blocks =
        details.orElseThrow(
            () -> Refusal.bad(file, "tensor %s: expected blocks of its codes, found none", name));
    int size = blocks.int32(2);
    long columns = shape.columns();
    if (size < 2 || size % 2 != 0 || columns % size != 0) {
      throw Refusal.bad(
          file,
          "tensor %s: expected rows of %d that divide into blocks, found blocks of %d",
          name,
          columns,
          size);
    }
    FlatTable scales = graph.table(0, blocks.int32(0));
    Shape expected = Shape.of(shape.rows(), columns / size);
    Shape found = shape(name, scales);
    if (scales.int8(1) != FLOAT16 || !found.equals(expected)) {
      throw Refusal.bad(
          file,
          "tensor %s: expected scales %s in FLOAT16, found %s in type %d",
          name,
          expected,
          found,
          scales.int8(1));
    }
    return plain(name, table, shape, codes(type, "G" + size))
        .withScales(
            new GroupScales(size, plain(name + " (scales)", scales, found, DType.F16), null, 0));
  }

  private static Encoding codes(int type, String groups) {
    int bits = type == INT4 ? 4 : Byte.SIZE;
    return new IntCodes("INT" + bits + groups, bits, true, 0);
  }

  // --- bytes

  private Tensor plain(String name, FlatTable table, Shape shape, Encoding encoding) {
    if (shape.columns() % encoding.blockSize() != 0) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected an even number of codes in a row, found %d",
          name,
          shape.columns());
    }
    long expected = Extents.bytes(file, name, encoding, shape);
    FlatTable buffer = model.table(4, table.int32(2));
    long offset = buffer.int64(1);
    MemorySegment data = offset > 1 ? behind(name, offset, buffer.int64(2)) : buffer.bytes(0, 1);
    if (data.byteSize() != expected) {
      throw Refusal.bad(
          file,
          "tensor %s: expected %d bytes, which is what %s %s takes, found %d",
          name,
          expected,
          encoding.name(),
          shape,
          data.byteSize());
    }
    return new Tensor(file, name, encoding, shape, data);
  }

  private MemorySegment behind(String name, long offset, long size) {
    if (size < 0 || offset > all.byteSize() - size) {
      throw Refusal.bad(
          file,
          "tensor %s: expected %d bytes at %d, found only %d bytes in the file; it is cut off",
          name,
          size,
          offset,
          all.byteSize());
    }
    extents.take(name, file, offset, offset + size);
    return all.asSlice(offset, size);
  }
}
