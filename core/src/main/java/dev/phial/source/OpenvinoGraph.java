package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.FloatCodes;
import dev.phial.quant.IntCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The layers of a graph in OpenVINO's intermediate representation, version 10 and 11, and its
 * constants, which stay in the file beside it.
 *
 * @param layers by number, in the order in which they run
 * @param sources the layer that an input comes from
 */
record OpenvinoGraph(Map<Integer, Layer> layers, Map<Input, Integer> sources) {
  private static final int MOST_LAYERS = 1 << 17;
  private static final int MOST_EDGES = 1 << 18;
  private static final int HIGHEST_RANK = 8;

  /**
   * An operation.
   *
   * @param transposes whether the second factor of a product is transposed
   * @param constant the value of a Const
   */
  record Layer(int id, String name, String type, boolean transposes, @Nullable Tensor constant) {}

  /** A place where a layer takes what another has computed. */
  record Input(int layer, int port) {}

  /**
   * Maps a graph and its data.
   *
   * @param file ending in {@code .xml}; its data is beside it, ending in {@code .bin}
   * @throws PhialException.BadInput if one of the two is missing or damaged
   * @throws PhialException.Unsupported if constants are of a type that no model has
   */
  static OpenvinoGraph read(Path file, Arena arena) {
    return new Reader(file, arena).graph();
  }

  static Path data(Path file) {
    return file.resolveSibling(String.valueOf(file.getFileName()).replaceAll("\\.xml$", ".bin"));
  }

  /** The layer that an input of another comes from. */
  Optional<Layer> source(Layer layer, int port) {
    return Optional.ofNullable(sources.get(new Input(layer.id, port))).map(layers::get);
  }

  private static final class Reader {
    private final Path file;
    private final Path dataFile;
    private final MemorySegment data;
    private final XmlReader in;
    private final Extents extents = new Extents();
    private final Map<Integer, Layer> layers = new LinkedHashMap<>();
    private final Map<Input, Integer> sources = new HashMap<>();

    Reader(Path file, Arena arena) {
      this.file = file;
      this.dataFile = data(file);
      this.in = new XmlReader(file, MappedFile.map(file, arena));
      this.data = MappedFile.map(dataFile, arena);
    }

    OpenvinoGraph graph() {
      if (!in.next() || !in.name().equals("net")) {
        throw in.bad("expected a graph of OpenVINO, found no element net");
      }
      String version = in.attribute("version");
      if (!version.matches("1[01]")) {
        throw Refusal.unsupported(
            file, "expected a graph of version 10 or 11, found version %s", version);
      }
      while (in.next()) {
        switch (in.name()) {
          case "layers" -> layers();
          case "edges" -> edges();
          default -> in.skip();
        }
      }
      return new OpenvinoGraph(layers, sources);
    }

    private void layers() {
      while (in.next()) {
        if (!in.name().equals("layer")) {
          in.skip();
          continue;
        }
        int id = in.number("id");
        if (layers.size() == MOST_LAYERS) {
          throw in.bad("expected at most %d layers, found more", MOST_LAYERS);
        }
        if (layers.put(id, layer(id)) != null) {
          throw in.bad("expected layer %d once, found it again", id);
        }
      }
    }

    private Layer layer(int id) {
      String name = Refusal.name(file, in.attribute("name"));
      String type = Refusal.name(file, in.attribute("type"));
      boolean transposes = false;
      Tensor constant = null;
      while (in.next()) {
        if (in.name().equals("data")) {
          transposes = in.attribute("transpose_b").matches("true|1");
          constant = type.equals("Const") ? constant(name) : null;
        }
        in.skip();
      }
      if (type.equals("Const") && constant == null) {
        throw in.bad("tensor %s: expected to be told where it lies, found nothing", name);
      }
      return new Layer(id, name, type, transposes, constant);
    }

    private Tensor constant(String name) {
      Encoding encoding = encoding(name, in.attribute("element_type"));
      Shape shape = shape(name, in.attribute("shape"));
      long offset = bytes(name, "offset");
      long size = bytes(name, "size");
      long expected = Extents.bytes(file, name, encoding, shape);
      if (size != expected) {
        throw in.bad(
            "tensor %s: expected %d bytes, which is what %s %s takes, found a size of %d",
            name, expected, encoding.name(), shape, size);
      }
      if (offset > data.byteSize() - size) {
        throw Refusal.bad(
            dataFile,
            "tensor %s: expected %d bytes at %d, found only %d bytes in the file; it is cut off, or belongs to another graph",
            name,
            size,
            offset,
            data.byteSize());
      }
      extents.take(name, dataFile, offset, offset + size);
      return new Tensor(dataFile, name, encoding, shape, data.asSlice(offset, size));
    }

    private long bytes(String name, String attribute) {
      String text = in.attribute(attribute);
      if (!text.matches("\\d{1,18}")) {
        throw in.bad(
            "tensor %s: expected a number of bytes as its %s, found %s", name, attribute, text);
      }
      return Long.parseLong(text);
    }

    private Shape shape(String name, String text) {
      List<String> words = text.isBlank() ? List.of() : Arrays.asList(text.split(",", -1));
      if (words.size() > HIGHEST_RANK
          || !words.stream().allMatch(word -> word.strip().matches("\\d{1,18}"))) {
        throw in.bad(
            "tensor %s: expected a shape of at most %d dimensions, found %s",
            name, HIGHEST_RANK, text);
      }
      return new Shape(words.stream().map(word -> Long.valueOf(word.strip())).toList());
    }

    private Encoding encoding(String name, String type) {
      return switch (type) {
        case "f64" -> DType.F64;
        case "f32" -> DType.F32;
        case "f16" -> DType.F16;
        case "bf16" -> DType.BF16;
        case "f8e4m3" -> DType.F8_E4M3;
        case "f8e5m2" -> DType.F8_E5M2;
        case "f8e8m0" -> DType.F8_E8M0;
        case "f4e2m1" -> FloatCodes.E2M1;
        case "nf4" -> FloatCodes.NF4;
        case "i64" -> DType.I64;
        case "i32" -> DType.I32;
        case "i16" -> DType.I16;
        case "i8" -> DType.I8;
        case "i4" -> IntCodes.INT4;
        case "u64" -> DType.U64;
        case "u32" -> DType.U32;
        case "u16" -> DType.U16;
        case "u8" -> DType.U8;
        case "u4" -> IntCodes.UINT4;
        case "boolean" -> DType.BOOL;
        default ->
            throw Refusal.unsupported(
                file,
                "tensor %s: expected numbers of a type that models have, found %s",
                name,
                type);
      };
    }

    private void edges() {
      while (in.next()) {
        Input to = new Input(in.number("to-layer"), in.number("to-port"));
        if (sources.size() == MOST_EDGES) {
          throw in.bad("expected at most %d edges, found more", MOST_EDGES);
        }
        if (sources.put(to, in.number("from-layer")) != null) {
          throw in.bad("layer %d: expected its input %d once, found it again", to.layer, to.port);
        }
        in.skip();
      }
    }
  }
}
