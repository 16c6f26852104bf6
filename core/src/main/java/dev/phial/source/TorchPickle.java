package dev.phial.source;

import static java.util.Map.entry;

import dev.phial.PhialException;
import dev.phial.source.PickleValue.Dictionary;
import dev.phial.source.PickleValue.Text;
import dev.phial.source.PickleValue.Thing;
import dev.phial.source.PickleValue.Tuple;
import dev.phial.source.PickleValue.Whole;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A PyTorch checkpoint as {@code torch.save} has written it since 1.6: a zip archive of {@code
 * P/data.pkl}, a pickled dictionary of tensors; {@code P/data/KEY}, the bytes of each storage; and
 * {@code P/byteorder}. The pickle names functions that rebuild tensors (PyTorch, {@code
 * torch/_utils.py}); here those few names are a table, and nothing is ever run.
 */
final class TorchPickle {
  private static final int LEGACY = 0x80; // older files start with a pickle, archives with "PK"
  private static final String PICKLE = "/data.pkl";
  private static final long LARGEST_PICKLE = 64L << 20;
  private static final int HIGHEST_RANK = 8;

  private static final Map<String, Thing> GLOBALS =
      Map.ofEntries(
          entry("collections.OrderedDict", Callee.ORDERED_DICT),
          entry("torch._utils._rebuild_tensor_v2", Callee.TENSOR_V2),
          entry("torch._utils._rebuild_tensor_v3", Callee.TENSOR_V3),
          entry("torch._utils._rebuild_parameter", Callee.PARAMETER),
          entry("torch._utils._rebuild_parameter_with_state", Callee.PARAMETER_WITH_STATE),
          entry("torch.DoubleStorage", new Type(DType.F64)),
          entry("torch.FloatStorage", new Type(DType.F32)),
          entry("torch.HalfStorage", new Type(DType.F16)),
          entry("torch.BFloat16Storage", new Type(DType.BF16)),
          entry("torch.LongStorage", new Type(DType.I64)),
          entry("torch.IntStorage", new Type(DType.I32)),
          entry("torch.ShortStorage", new Type(DType.I16)),
          entry("torch.CharStorage", new Type(DType.I8)),
          entry("torch.ByteStorage", new Type(DType.U8)),
          entry("torch.BoolStorage", new Type(DType.BOOL)),
          // types without a storage class of their own: _rebuild_tensor_v3 names them
          entry("torch.storage.UntypedStorage", new Type(DType.U8)),
          entry("torch.float8_e4m3fn", new Type(DType.F8_E4M3)),
          entry("torch.float8_e5m2", new Type(DType.F8_E5M2)),
          entry("torch.uint16", new Type(DType.U16)),
          entry("torch.uint32", new Type(DType.U32)),
          entry("torch.uint64", new Type(DType.U64)));

  private enum Callee implements Thing {
    ORDERED_DICT,
    TENSOR_V2,
    TENSOR_V3,
    PARAMETER,
    PARAMETER_WITH_STATE;

    @Override
    public String kind() {
      return "a function";
    }
  }

  private record Type(DType dtype) implements Thing {
    @Override
    public String kind() {
      return "a type";
    }
  }

  private record Storage(String key, DType dtype, MemorySegment bytes) implements Thing {
    @Override
    public String kind() {
      return "a storage";
    }
  }

  /**
   * A tensor as its arguments describe it, checked when its name is known.
   *
   * @param offset of its first element in the storage, in elements
   * @param strides in elements, one for each dimension
   * @param changed whether flags say that the bytes are not its values
   */
  private record View(
      Storage storage,
      DType dtype,
      long offset,
      List<Long> shape,
      List<Long> strides,
      boolean changed)
      implements Thing {
    @Override
    public String kind() {
      return "a tensor";
    }
  }

  private final Path file;
  private final Map<String, MemorySegment> entries;
  private final String prefix;

  private TorchPickle(Path file, Map<String, MemorySegment> entries) {
    this.file = file;
    this.entries = entries;
    this.prefix = prefix();
  }

  /**
   * The tensors of a file, in the order in which it names them.
   *
   * @throws PhialException.BadInput if the file breaks a rule of the format
   * @throws PhialException.Unsupported if it holds more than a dictionary of tensors
   */
  static Map<String, Tensor> read(Path file, Arena arena) {
    MemorySegment all = MappedFile.map(file, arena);
    if ((all.get(ValueLayout.JAVA_BYTE, 0) & 0xFF) == LEGACY) {
      throw Refusal.unsupported(
          file,
          "expected the zip format that torch.save writes since PyTorch 1.6, found the older one; save it again: torch.save(torch.load(f, weights_only=True), f)");
    }
    return new TorchPickle(file, StoredZip.read(file, all)).read();
  }

  private Map<String, Tensor> read() {
    checkByteOrder();
    MemorySegment pickle = Objects.requireNonNull(entries.get(prefix + PICKLE));
    if (pickle.byteSize() > LARGEST_PICKLE) {
      throw bad(
          "expected a pickle of at most %d bytes, found %d", LARGEST_PICKLE, pickle.byteSize());
    }
    PickleValue root = new Pickle(file, pickle, new TorchNames()).load();
    if (!(root instanceof Dictionary dictionary)) {
      throw Refusal.unsupported(
          file, "expected a dictionary of tensors, found %s; save a state_dict", root.kind());
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    dictionary.entries.forEach((key, value) -> {
      if (!(key instanceof Text text)) {
        throw bad("expected the names of tensors as keys, found %s", key.kind());
      }
      String name = Refusal.name(file, text.value());
      if (!(value instanceof View view)) {
        throw Refusal.unsupported(
            file,
            "expected nothing but tensors, found %s under the name %s; of a training state, save the state_dict alone",
            value.kind(),
            name);
      }
      tensors.put(name, tensor(name, view));
    });
    return tensors;
  }

  /** The folder that holds everything, which torch.save names after the file. */
  private String prefix() {
    List<String> pickles = entries.keySet().stream().filter(n -> n.endsWith(PICKLE)).toList();
    if (pickles.size() != 1) {
      throw bad("expected one data.pkl in a folder, found %d", pickles.size());
    }
    String folder = pickles.getFirst().substring(0, pickles.getFirst().length() - PICKLE.length());
    for (String name : entries.keySet()) {
      if (!name.startsWith(folder + "/")) {
        throw bad("expected one folder %s in the archive, found %s beside it", folder, name);
      }
    }
    return folder;
  }

  private void checkByteOrder() {
    MemorySegment order = entries.get(prefix + "/byteorder");
    if (order == null) { // PyTorch before 2.1, which had only little-endian machines
      return;
    }
    String found = new SegmentReader(file, order).utf8("byteorder", Math.min(16, order.byteSize()));
    if (!found.equals("little")) {
      throw Refusal.unsupported(
          file,
          "expected byte order little, found %s; save it again on a little-endian machine",
          found);
    }
  }

  private Tensor tensor(String name, View view) {
    Shape shape = new Shape(view.shape);
    if (shape.rank() > HIGHEST_RANK || view.shape.stream().anyMatch(dimension -> dimension < 1)) {
      throw bad(
          "tensor %s: expected at most %d dimensions of at least 1, found shape %s",
          name, HIGHEST_RANK, shape);
    }
    if (view.changed) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected its values, found ones stored negated or conjugated; save a .clone() of it",
          name);
    }
    try {
      long begin = view.dtype.bytes(view.offset);
      long bytes = view.dtype.bytes(shape.elements());
      checkRowMajor(name, view);
      if (begin < 0 || bytes > view.storage.bytes.byteSize() - begin) {
        throw bad(
            "tensor %s: expected %d bytes from byte %d of storage %s, found only %d in it",
            name, bytes, begin, view.storage.key, view.storage.bytes.byteSize());
      }
      return new Tensor(file, name, view.dtype, shape, view.storage.bytes.asSlice(begin, bytes));
    } catch (ArithmeticException e) {
      throw bad("tensor %s: shape %s has more elements than fit in a file", name, shape);
    }
  }

  /** The stride of a dimension of 1 is never used, and PyTorch writes anything there. */
  private void checkRowMajor(String name, View view) {
    long expected = 1;
    for (int i = view.shape.size() - 1; i >= 0; i--) {
      if (view.shape.get(i) != 1 && view.strides.get(i) != expected) {
        throw Refusal.unsupported(
            file,
            "tensor %s: expected its rows one after the other, found shape %s with strides %s; save .contiguous() of it",
            name,
            view.shape,
            view.strides);
      }
      expected *= view.shape.get(i);
    }
  }

  private PhialException bad(String message, Object... details) {
    return Refusal.bad(file, message, details);
  }

  /** What the names, calls and ids of a torch pickle mean. */
  private final class TorchNames implements Pickle.Vocabulary {

    @Override
    public PickleValue global(String module, String name) {
      Thing thing = GLOBALS.get(module + "." + name);
      if (thing == null) {
        throw Refusal.unsupported(
            file,
            "expected a dictionary of tensors, found a pickle that asks for %s; Phial never runs what a pickle asks for; use a safetensors copy",
            module + "." + name);
      }
      return thing;
    }

    @Override
    public PickleValue call(PickleValue callee, List<PickleValue> arguments) {
      if (!(callee instanceof Callee function)) {
        throw bad("expected a function to call in the pickle, found %s", callee.kind());
      }
      Arguments given = new Arguments(arguments);
      return switch (function) {
        case ORDERED_DICT -> {
          given.check(0, 0);
          yield new Dictionary();
        }
        // storage, offset, shape, strides, requires_grad, hooks[, flags]
        case TENSOR_V2 -> {
          given.check(6, 7);
          yield given.view(given.at(0, Storage.class).dtype, 6);
        }
        // storage, offset, shape, strides, requires_grad, hooks, dtype[, flags]
        case TENSOR_V3 -> {
          given.check(7, 8);
          yield given.view(given.at(6, Type.class).dtype, 7);
        }
        // data, requires_grad, hooks
        case PARAMETER -> {
          given.check(3, 3);
          yield given.at(0, View.class);
        }
        // data, requires_grad, hooks, attributes
        case PARAMETER_WITH_STATE -> {
          given.check(4, 4);
          yield given.at(0, View.class);
        }
      };
    }

    /** A state_dict carries {@code _metadata}, versions of its modules, which nothing needs. */
    @Override
    public void build(PickleValue target, PickleValue state) {
      if (!(target instanceof Dictionary) || !(state instanceof Dictionary)) {
        throw bad(
            "expected attributes of a dictionary in the pickle, found %s for %s",
            state.kind(), target.kind());
      }
    }

    /** {@code ('storage', type, key, location, number of elements)}. */
    @Override
    public PickleValue persistent(PickleValue id) {
      if (id instanceof Tuple tuple
          && tuple.items.size() == 5
          && tuple.items.get(0) instanceof Text word
          && word.value().equals("storage")
          && tuple.items.get(1) instanceof Type type
          && tuple.items.get(2) instanceof Text key
          && tuple.items.get(4) instanceof Whole elements) {
        return storage(key.value(), type.dtype, elements.value());
      }
      throw bad("expected the id of a storage in the pickle, found %s", id.kind());
    }

    private Storage storage(String key, DType dtype, long elements) {
      MemorySegment bytes = entries.get(prefix + "/data/" + key);
      if (bytes == null) {
        throw bad("expected an entry %s/data/%s, found none; the file is damaged", prefix, key);
      }
      if (bytes.byteSize() % dtype.blockBytes() != 0
          || bytes.byteSize() / dtype.blockBytes() != elements) {
        throw bad(
            "storage %s: expected %d elements of %s, found %d bytes",
            key, elements, dtype, bytes.byteSize());
      }
      return new Storage(key, dtype, bytes);
    }
  }

  /** The arguments of a call in the pickle. */
  private final class Arguments {
    private final List<PickleValue> values;

    Arguments(List<PickleValue> values) {
      this.values = values;
    }

    void check(int least, int most) {
      if (values.size() < least || values.size() > most) {
        throw bad(
            "expected %d to %d arguments of a call in the pickle, found %d",
            least, most, values.size());
      }
    }

    <T extends PickleValue> T at(int index, Class<T> type) {
      PickleValue value = values.get(index);
      if (!type.isInstance(value)) {
        throw bad(
            "expected %s as argument %d of a call in the pickle, found %s",
            type.getSimpleName(), index, value.kind());
      }
      return type.cast(value);
    }

    View view(DType dtype, int flags) {
      List<Long> shape = wholes(at(2, Tuple.class));
      List<Long> strides = wholes(at(3, Tuple.class));
      if (shape.size() != strides.size()) {
        throw bad("expected a stride for each dimension of %s, found %s", shape, strides);
      }
      boolean changed =
          flags < values.size()
              && values.get(flags) instanceof Dictionary set
              && !set.entries.isEmpty();
      Storage storage = at(0, Storage.class);
      return new View(storage, dtype, at(1, Whole.class).value(), shape, strides, changed);
    }

    private List<Long> wholes(Tuple tuple) {
      List<Long> wholes = new ArrayList<>();
      for (PickleValue item : tuple.items) {
        if (!(item instanceof Whole whole)) {
          throw bad("expected whole numbers in a shape, found %s", item.kind());
        }
        wholes.add(whole.value());
      }
      return wholes;
    }
  }
}
