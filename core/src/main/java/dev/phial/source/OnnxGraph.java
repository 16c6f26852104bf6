package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.IntCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/**
 * The nodes of an ONNX graph and its tensors, which stay where they are: in the file or in those
 * beside it.
 *
 * @param nodes in the order in which they run
 * @param initializers by name, in the order of the file
 * @param constants the same, and the values of Constant nodes
 */
record OnnxGraph(
    List<Node> nodes, Map<String, Tensor> initializers, Map<String, Tensor> constants) {
  private static final int HIGHEST_RANK = 8;
  private static final int MOST_NUMBERS = 4096; // of an attribute, or a tensor without raw data

  OnnxGraph {
    nodes = List.copyOf(nodes);
  }

  /**
   * An operator.
   *
   * @param inputs names; empty for one that is left away
   */
  record Node(
      String op,
      String name,
      List<String> inputs,
      List<String> outputs,
      Map<String, Attribute> attributes) {

    /** The name of an input, empty if there is none. */
    String input(int index) {
      return index < inputs.size() ? inputs.get(index) : "";
    }

    long number(String attribute, long otherwise) {
      Attribute found = attributes.get(attribute);
      return found == null ? otherwise : found.number;
    }

    float real(String attribute, float otherwise) {
      Attribute found = attributes.get(attribute);
      return found == null ? otherwise : found.real;
    }

    List<Long> numbers(String attribute) {
      Attribute found = attributes.get(attribute);
      return found == null ? List.of() : found.numbers;
    }

    Optional<OnnxGraph> graph(String attribute) {
      Attribute found = attributes.get(attribute);
      return found == null ? Optional.empty() : Optional.ofNullable(found.graph);
    }
  }

  /** The value of an attribute, in the component of its type. */
  record Attribute(
      long number,
      float real,
      List<Long> numbers,
      @Nullable Tensor tensor,
      @Nullable OnnxGraph graph) {}

  /** A graph and every file that its tensors lie in, itself first. */
  record Model(OnnxGraph graph, List<Path> files) {}

  /**
   * Maps a graph; external data is looked for in its folder.
   *
   * @throws PhialException.BadInput if a file is missing or damaged
   * @throws PhialException.Unsupported if tensors are of a type that no model has
   */
  static Model read(Path file, Arena arena) {
    Reader reader = new Reader(file, arena);
    OnnxGraph graph = reader.model();
    List<Path> files = new ArrayList<>(List.of(file));
    files.addAll(reader.external.keySet());
    return new Model(graph, files);
  }

  /** A tensor that is there before the graph runs. */
  Optional<Tensor> constant(String name) {
    return Optional.ofNullable(constants.get(name));
  }

  private static final class Reader {
    private final Path file;
    private final Arena arena;
    private final MemorySegment all;
    private final Map<Path, MemorySegment> external = new LinkedHashMap<>();

    private final Extents extents = new Extents();

    Reader(Path file, Arena arena) {
      this.file = file;
      this.arena = arena;
      this.all = MappedFile.map(file, arena);
    }

    OnnxGraph model() {
      if (all.byteSize() > Integer.MAX_VALUE) {
        throw Refusal.bad(
            file,
            "expected a graph of less than 2 GiB, where protocol buffers end, found %d bytes",
            all.byteSize());
      }
      ProtoReader in = new ProtoReader(file, all);
      OnnxGraph graph = null;
      while (in.next()) {
        if (in.field() != ModelProto.GRAPH_FIELD_NUMBER) {
          in.skip();
        } else if (graph == null) {
          graph = graph(in.message());
        } else {
          throw in.bad("expected one graph, found another");
        }
      }
      if (graph == null) {
        throw in.bad("expected an ONNX model, found no graph");
      }
      return graph;
    }

    private OnnxGraph graph(ProtoReader in) {
      List<Node> nodes = new ArrayList<>();
      Map<String, Tensor> initializers = new LinkedHashMap<>();
      while (in.next()) {
        switch (in.field()) {
          case GraphProto.NODE_FIELD_NUMBER -> nodes.add(node(in.message()));
          case GraphProto.INITIALIZER_FIELD_NUMBER -> {
            Tensor tensor = tensor(in.message());
            if (initializers.put(tensor.name(), tensor) != null) {
              throw in.bad("tensor %s: expected it once, found it again", tensor.name());
            }
          }
          default -> in.skip();
        }
      }
      Map<String, Tensor> constants = new HashMap<>(initializers);
      for (Node node : nodes) {
        Attribute value = node.attributes.get("value");
        if (node.op.equals("Constant") && value != null && value.tensor != null) {
          node.outputs.forEach(output -> constants.put(output, value.tensor));
        }
      }
      return new OnnxGraph(nodes, initializers, constants);
    }

    private Node node(ProtoReader in) {
      List<String> inputs = new ArrayList<>();
      List<String> outputs = new ArrayList<>();
      Map<String, Attribute> attributes = new HashMap<>();
      String op = "";
      String name = "";
      while (in.next()) {
        switch (in.field()) {
          case NodeProto.INPUT_FIELD_NUMBER -> inputs.add(in.name());
          case NodeProto.OUTPUT_FIELD_NUMBER -> outputs.add(in.name());
          case NodeProto.NAME_FIELD_NUMBER -> name = in.name();
          case NodeProto.OP_TYPE_FIELD_NUMBER -> op = in.name();
          case NodeProto.ATTRIBUTE_FIELD_NUMBER -> attribute(in.message(), attributes);
          default -> in.skip();
        }
      }
      return new Node(op, name, List.copyOf(inputs), List.copyOf(outputs), attributes);
    }

    private void attribute(ProtoReader in, Map<String, Attribute> to) {
      String name = "";
      long number = 0;
      float real = 0;
      List<Long> numbers = new ArrayList<>();
      Tensor tensor = null;
      OnnxGraph graph = null;
      while (in.next()) {
        switch (in.field()) {
          case AttributeProto.NAME_FIELD_NUMBER -> name = in.name();
          case AttributeProto.I_FIELD_NUMBER -> number = in.number();
          case AttributeProto.F_FIELD_NUMBER -> real = in.real();
          case AttributeProto.INTS_FIELD_NUMBER -> in.numbers(numbers, MOST_NUMBERS);
          case AttributeProto.T_FIELD_NUMBER -> tensor = tensor(in.message());
          case AttributeProto.G_FIELD_NUMBER -> graph = graph(in.message());
          default -> in.skip();
        }
      }
      to.put(name, new Attribute(number, real, List.copyOf(numbers), tensor, graph));
    }

    private Tensor tensor(ProtoReader in) {
      String name = "";
      int type = 0;
      List<Long> dimensions = new ArrayList<>();
      List<Long> numbers = new ArrayList<>(); // of tensors without raw data
      MemorySegment data = null;
      Map<String, String> entries = new HashMap<>();
      boolean isExternal = false;
      while (in.next()) {
        switch (in.field()) {
          case TensorProto.NAME_FIELD_NUMBER -> name = in.name();
          case TensorProto.DATA_TYPE_FIELD_NUMBER -> type = (int) in.number();
          case TensorProto.DIMS_FIELD_NUMBER -> in.numbers(dimensions, HIGHEST_RANK);
          case TensorProto.RAW_DATA_FIELD_NUMBER, TensorProto.FLOAT_DATA_FIELD_NUMBER ->
              data = in.bytes();
          case TensorProto.INT64_DATA_FIELD_NUMBER, TensorProto.INT32_DATA_FIELD_NUMBER ->
              in.numbers(numbers, MOST_NUMBERS);
          case TensorProto.EXTERNAL_DATA_FIELD_NUMBER -> entry(in.message(), entries);
          case TensorProto.DATA_LOCATION_FIELD_NUMBER -> isExternal = in.number() == 1;
          default -> in.skip();
        }
      }
      Encoding encoding = encoding(name, type);
      Shape shape = new Shape(dimensions);
      long bytes = Extents.bytes(file, name, encoding, shape);
      if (isExternal) {
        return external(name, encoding, shape, bytes, entries);
      }
      if (data == null) {
        data = data(numbers, encoding);
      }
      if (data.byteSize() != bytes) {
        throw Refusal.bad(
            file,
            "tensor %s: expected %d bytes, which is what %s %s takes, found %d",
            name,
            bytes,
            encoding.name(),
            shape,
            data.byteSize());
      }
      return new Tensor(file, name, encoding, shape, data);
    }

    private static MemorySegment data(List<Long> numbers, Encoding encoding) {
      int size = encoding.blockBytes();
      MemorySegment data = MemorySegment.ofArray(new byte[numbers.size() * size]);
      for (int i = 0; i < numbers.size(); i++) {
        for (int b = 0; b < size; b++) {
          data.set(
              ValueLayout.JAVA_BYTE, (long) i * size + b, (byte) (numbers.get(i) >> b * Byte.SIZE));
        }
      }
      return data;
    }

    private static void entry(ProtoReader in, Map<String, String> to) {
      String key = "";
      String value = "";
      while (in.next()) {
        switch (in.field()) {
          case StringStringEntryProto.KEY_FIELD_NUMBER -> key = in.text();
          case StringStringEntryProto.VALUE_FIELD_NUMBER -> value = in.text();
          default -> in.skip();
        }
      }
      to.put(key, value);
    }

    private Tensor external(
        String name, Encoding encoding, Shape shape, long bytes, Map<String, String> entries) {
      String location = entries.getOrDefault("location", "");
      Path path = beside(name, location);
      long offset = number(name, entries, "offset", 0);
      long length = number(name, entries, "length", bytes);
      if (length != bytes) {
        throw Refusal.bad(
            file,
            "tensor %s: expected %d bytes, which is what %s %s takes, found a length of %d",
            name,
            bytes,
            encoding.name(),
            shape,
            length);
      }
      if (!external.containsKey(path)) {
        external.put(path, MappedFile.map(path, arena));
      }
      MemorySegment data = external.getOrDefault(path, MemorySegment.NULL);
      if (offset > data.byteSize() - bytes) {
        throw Refusal.bad(
            path,
            "tensor %s: expected %d bytes at %d, found only %d bytes in the file; it is cut off, or belongs to another graph",
            name,
            bytes,
            offset,
            data.byteSize());
      }
      extents.take(name, path, offset, offset + bytes);
      return new Tensor(path, name, encoding, shape, data.asSlice(offset, bytes));
    }

    /** A file in the folder of the graph, and nowhere else. */
    private Path beside(String tensor, String location) {
      try {
        Path path = Path.of(location);
        boolean isName =
            !path.isAbsolute()
                && path.getNameCount() == 1
                && !location.isEmpty()
                && !location.contains("\\")
                && !path.normalize().toString().isEmpty()
                && !location.equals("..");
        if (isName) {
          Path found = file.resolveSibling(path);
          if (Files.isRegularFile(found)) {
            return found;
          }
          throw Refusal.bad(
              file, "tensor %s: expected its data in %s, found no such file", tensor, location);
        }
      } catch (InvalidPathException e) {
        // refused below
      }
      throw Refusal.bad(
          file,
          "tensor %s: expected its data in a file of the same folder, found %s",
          tensor,
          location.isEmpty() ? "no name" : location);
    }

    private long number(String tensor, Map<String, String> entries, String key, long otherwise) {
      String text = entries.getOrDefault(key, Long.toString(otherwise));
      if (!text.matches("\\d{1,18}")) {
        throw Refusal.bad(
            file, "tensor %s: expected a number of bytes as %s, found %s", tensor, key, text);
      }
      return Long.parseLong(text);
    }

    private Encoding encoding(String name, int type) {
      return switch (DataType.forNumber(type)) {
        case FLOAT -> DType.F32;
        case DOUBLE -> DType.F64;
        case FLOAT16 -> DType.F16;
        case BFLOAT16 -> DType.BF16;
        case FLOAT8E4M3FN -> DType.F8_E4M3;
        case FLOAT8E5M2 -> DType.F8_E5M2;
        case INT8 -> DType.I8;
        case INT16 -> DType.I16;
        case INT32 -> DType.I32;
        case INT64 -> DType.I64;
        case UINT8 -> DType.U8;
        case UINT16 -> DType.U16;
        case UINT32 -> DType.U32;
        case UINT64 -> DType.U64;
        case BOOL -> DType.BOOL;
        case INT4 -> IntCodes.INT4;
        case UINT4 -> IntCodes.UINT4;
        case null, default ->
            throw Refusal.unsupported(
                file,
                "tensor %s: expected numbers of a type that models have, found type %d",
                name,
                type);
      };
    }
  }
}
