package dev.phial.tensor;

import dev.phial.PhialException;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.CodeKernel;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A named slice of a memory-mapped file: nothing is read until {@link #read} asks for rows.
 *
 * @param file where it lies, for messages
 * @param data exactly the bytes of the tensor, where {@code layout} does not say otherwise
 * @param scales multipliers of a quantized tensor whose encoding does not hold them
 * @param layout where its rows lie in the data
 */
public record Tensor(
    Path file,
    String name,
    Encoding encoding,
    Shape shape,
    MemorySegment data,
    @Nullable Scales scales,
    Layout layout) {
  /** Bytes of encoded rows that are multiplied together; they stay in the first cache. */
  private static final int BUFFER = 1 << 13;

  private static final Layout ROWS = new Layout.Rows(Arrival.HERE);

  /** What numbers that were not quantized lie in. */
  private static final List<DType> PLAIN = List.of(DType.F64, DType.F32, DType.F16, DType.BF16);

  /** Rows that are compared at a time. */
  private static final int COMPARED = 16;

  /** Columns of matrices that are compared: those of no model are more. */
  private static final long MOST_COMPARED = 1 << 17;

  public Tensor(
      Path file,
      String name,
      Encoding encoding,
      Shape shape,
      MemorySegment data,
      @Nullable Scales scales) {
    this(file, name, encoding, shape, data, scales, ROWS);
  }

  public Tensor(Path file, String name, Encoding encoding, Shape shape, MemorySegment data) {
    this(file, name, encoding, shape, data, null, ROWS);
  }

  /**
   * A matrix of the rows of several, one below the other.
   *
   * @param parts of as many columns each
   */
  public static Tensor stack(String name, List<Tensor> parts) {
    Tensor first = parts.getFirst();
    long rows = parts.stream().mapToLong(part -> part.shape.rows()).sum();
    return new Tensor(
        first.file,
        name,
        first.encoding,
        Shape.of(rows, first.shape.columns()),
        MemorySegment.NULL,
        null,
        new Layout.Stack(parts));
  }

  /** These numbers with changes to them; of what was quantized, they become plain ones. */
  public Tensor adapted(List<LowRank> changes) {
    return new Tensor(
        file,
        name,
        scales == null && PLAIN.contains(encoding) ? encoding : DType.F32,
        shape,
        data,
        null,
        new Layout.Adapted(this, changes));
  }

  /** A matrix of plain numbers with columns for rows. */
  public Tensor transposed() {
    Shape turned = Shape.of(shape.columns(), shape.rows());
    Layout columns = new Layout.Columns(0, shape.columns());
    return new Tensor(file, name, encoding, turned, data, null, columns);
  }

  /** The same plain numbers, in other rows. */
  public Tensor reshaped(Shape other) {
    return new Tensor(file, name, encoding, other, data, scales, layout);
  }

  /** A tensor of a file that is not here yet. */
  public Tensor arrivingBy(Arrival arrival) {
    return new Tensor(file, name, encoding, shape, data, scales, new Layout.Rows(arrival));
  }

  /** Whether its bytes are here. */
  public boolean isHere() {
    return switch (layout) {
      case Layout.Rows rows -> rows.arrival().equals(Arrival.HERE);
      case Layout.Adapted adapted -> adapted.base().isHere();
      default -> true;
    };
  }

  public Tensor withScales(Scales newScales) {
    return new Tensor(file, name, encoding, shape, data, newScales, layout);
  }

  public Tensor withName(String newName) {
    return new Tensor(file, newName, encoding, shape, data, scales, layout);
  }

  /** {@code rows} rows from {@code first}, as a matrix with a name of its own. */
  public Tensor slice(String newName, long first, long rows) {
    return layout.slice(this, newName, first, rows);
  }

  /** Rows of a tensor that may be a vector, whose elements are its rows. */
  public Tensor rows(String newName, long first, long rows) {
    return shape.rank() > 1
        ? slice(newName, first, rows)
        : new Tensor(
            file,
            newName,
            encoding,
            Shape.of(rows),
            data.asSlice(encoding.bytes(first), encoding.bytes(rows)),
            null,
            layout);
  }

  /**
   * Every {@code step}-th row from {@code first}.
   *
   * @param rows how many
   */
  public Tensor every(String newName, long first, long step, long rows) {
    if (!layout.equals(ROWS)) {
      throw new IllegalStateException("rows that do not follow each other are not taken apart");
    }
    return new Layout.Every(step).slice(this, newName, first, rows);
  }

  /** Other rows of the same codes, whose scales begin with those of row {@code first} of these. */
  Tensor with(String newName, long first, long rows, MemorySegment newData, Layout newLayout) {
    return new Tensor(
        file,
        newName,
        encoding,
        Shape.of(rows, shape.columns()),
        newData,
        scales == null ? null : scales.from(first),
        newLayout);
  }

  /** Whether {@link #copy} gives the rows in their encoding, with all that belongs to them. */
  public boolean isPlain() {
    return scales == null
        && switch (layout) {
          case Layout.Stack stack ->
              stack.parts().stream().allMatch(part -> part.isPlain() && part.encoding == encoding);
          case Layout.Adapted adapted -> false;
          default -> true;
        };
  }

  /** Whether its numbers are codes that share scales. */
  public boolean isQuantized() {
    return layout instanceof Layout.Stack stack
        ? stack.parts().stream().anyMatch(Tensor::isQuantized)
        : scales != null || encoding.blockSize() > 1;
  }

  /** Bytes in the file, without scales. */
  public long bytes() {
    return layout instanceof Layout.Stack stack
        ? stack.parts().stream().mapToLong(Tensor::bytes).sum()
        : shape.rows() * encoding.bytes(shape.columns());
  }

  /** Bytes in the file, with those of its scales. */
  public long storedBytes() {
    if (layout instanceof Layout.Stack stack) {
      return stack.parts().stream().mapToLong(Tensor::storedBytes).sum();
    }
    if (layout instanceof Layout.Adapted adapted) {
      return adapted.base().storedBytes();
    }
    return bytes() + (scales == null ? 0 : scales.bytes(shape.rows(), shape.columns()));
  }

  /** Bytes of a row as {@link #copy} gives it. */
  public long rowBytes() {
    return layout instanceof Layout.Stack stack
        ? stack.parts().stream().mapToLong(Tensor::rowBytes).max().orElseThrow()
        : encoding.bytes(shape.columns());
  }

  /** Bytes that rows take together; they may share blocks. */
  long bytesOf(long rows) {
    long block = encoding.blockSize();
    return encoding.bytes(Math.ceilDiv(rows * shape.columns(), block) * block);
  }

  /**
   * Decodes whole rows.
   *
   * @param to receives {@code count × columns} floats from {@code at}
   * @throws PhialException.BadInput if the file can no longer be read
   */
  public void read(long first, int count, float[] to, int at) {
    int columns = Math.toIntExact(shape.columns());
    try {
      layout.read(this, first, count, to, at);
    } catch (InternalError fault) {
      throw unreadable(first, fault);
    }
    if (scales != null) {
      for (int row = 0; row < count; row++) {
        scales.apply((first + row) * layout.step(), to, at + row * columns, columns);
      }
    }
  }

  /**
   * Whether the two hold the same numbers; all of them are read, unless some differ before. Those
   * of impossibly long rows are not looked at.
   */
  public boolean hasNumbersOf(Tensor other) {
    if (!shape.equals(other.shape)) {
      return false;
    }
    if (shape.columns() > MOST_COMPARED) {
      return false;
    }
    int columns = (int) shape.columns();
    float[] x = new float[COMPARED * columns];
    float[] y = new float[COMPARED * columns];
    for (long row = 0; row < shape.rows(); row += COMPARED) {
      int rows = (int) Math.min(COMPARED, shape.rows() - row);
      read(row, rows, x, 0);
      other.read(row, rows, y, 0);
      if (!Arrays.equals(x, 0, rows * columns, y, 0, rows * columns)) {
        return false;
      }
    }
    return true;
  }

  /** How many rows are best read at a time: what lies side by side comes from memory together. */
  public int rowsTogether() {
    return layout.rowsTogether();
  }

  /** How it is made of integers, if it is. */
  public Optional<Coding> coding() {
    if (layout instanceof Layout.Stack stack) {
      List<Optional<Coding>> codings =
          stack.parts().stream().map(Tensor::coding).distinct().toList();
      return codings.size() == 1 ? codings.getFirst() : Optional.empty();
    }
    if (scales != null) {
      return encoding.integers().flatMap(scales::coding);
    }
    return encoding instanceof IntegerBlocks blocks
        ? Optional.of(blocks.coding())
        : Optional.empty();
  }

  /**
   * Reads whole rows as the integers they are made of.
   *
   * @param to in groups of the {@link #coding}
   * @param at row of {@code to}
   * @throws PhialException.BadInput if the file can no longer be read
   */
  public void readCodes(long first, int count, CodedRows to, int at) {
    int columns = Math.toIntExact(shape.columns());
    int groups = columns / to.groupSize();
    if (layout instanceof Layout.Stack stack) {
      stack.forEachPart(
          first,
          count,
          (part, row, rows, done) -> part.readCodes(row, (int) rows, to, at + (int) done));
      return;
    }
    if (scales == null && encoding instanceof IntegerBlocks blocks) {
      byte[] bytes = new byte[Math.toIntExact(count * rowBytes())];
      copy(first, count, bytes, 0);
      for (int i = 0; i < count * groups; i++) {
        blocks.takeApart(bytes, i * encoding.blockBytes(), to, at * groups + i);
      }
      return;
    }
    if (scales == null) {
      throw new IllegalStateException("no integers");
    }
    float[] codes = new float[Math.multiplyExact(count, columns)];
    new Tensor(file, name, encoding, shape, data, null, layout).read(first, count, codes, 0);
    for (int i = 0; i < codes.length; i++) {
      to.codes()[at * columns + i] = (short) codes[i];
    }
    try {
      for (int row = 0; row < count; row++) {
        scales.read((first + row) * layout.step(), 1, groups, to, (at + row) * groups);
      }
    } catch (InternalError fault) {
      throw unreadable(first, fault);
    }
  }

  /**
   * Multiplies a vector with whole rows, decoding them on the way, where the encoding has {@link
   * Encoding#kernel loops} for it.
   *
   * @param x {@code [columns]} from {@code at}
   * @param y receives {@code count} sums from {@code yAt}
   * @param buffer takes some encoded rows at a time; of {@link #bufferSize} bytes, at least
   * @return whether it did; if not, the rows have to be read
   * @throws PhialException.BadInput if the file can no longer be read
   */
  public boolean multiply(
      long first, int count, float[] x, int at, float[] y, int yAt, byte[] buffer) {
    if (layout instanceof Layout.Stack stack) {
      boolean[] all = {true};
      stack.forEachPart(
          first,
          count,
          (part, row, rows, done) ->
              all[0] =
                  all[0] && part.multiply(row, (int) rows, x, at, y, yAt + (int) done, buffer));
      return all[0];
    }
    if (layout instanceof Layout.Adapted adapted) {
      return adapted.multiply(first, count, x, at, y, yAt, buffer);
    }
    if (scales != null) {
      return multiplyCodes(first, count, x, at, y, yAt, buffer);
    }
    Optional<BlockKernel> kernel = encoding.kernel();
    if (kernel.isEmpty() || !layout.equals(ROWS)) {
      return false;
    }
    int columns = Math.toIntExact(shape.columns());
    int rowBytes = Math.toIntExact(encoding.bytes(columns));
    int most = bufferSize() / rowBytes;
    float[] sums = kernel.get().sums(x, at, columns);
    try {
      for (int row = 0; row < count; row += most) {
        int rows = Math.min(most, count - row);
        copy(first + row, rows, buffer, 0);
        kernel.get().multiply(buffer, 0, rows, columns, x, at, sums, y, yAt + row);
      }
    } catch (InternalError fault) { // the JVM may throw it some time after the copy
      throw unreadable(first, fault);
    }
    return true;
  }

  /** Multiplies codes whose scales lie apart. */
  private boolean multiplyCodes(
      long first, int count, float[] x, int at, float[] y, int yAt, byte[] buffer) {
    Optional<CodeKernel> kernel = encoding.codeKernel();
    Optional<Coding> coding = coding();
    int columns = Math.toIntExact(shape.columns());
    if (kernel.isEmpty()
        || coding.isEmpty()
        || !kernel.get().takes(coding.get().groupSize())
        || columns % coding.get().groupSize() != 0) {
      return false;
    }
    int size = coding.get().groupSize();
    int groups = columns / size;
    int together = layout.rowsTogether(); // 1, unless a row is a row of the scales
    int rowBytes = Math.toIntExact(rowBytes());
    CodedRows some =
        new CodedRows(
            size, new short[0], new float[together * groups], new double[together * groups]);
    float[] multipliers = new float[groups];
    float[] addends = new float[groups];
    float[] arranged = kernel.get().arrange(x, at, columns);
    float[] sums = CodeKernel.sums(x, at, columns, size);
    for (int i = 0; i < count; i++) {
      int row = i % together;
      if (row == 0) {
        int rows = Math.min(together, count - i);
        copy(first + i, rows, buffer, 0);
        Objects.requireNonNull(scales).read((first + i) * layout.step(), rows, groups, some, 0);
      }
      for (int group = 0; group < groups; group++) {
        int of = row * groups + group;
        multipliers[group] = some.scales()[of];
        addends[group] =
            (float) (some.offsets()[of] + (double) multipliers[group] * coding.get().least());
      }
      y[yAt + i] =
          kernel.get().multiply(buffer, row * rowBytes, size, multipliers, addends, arranged, sums);
    }
    return true;
  }

  /** What {@link #multiply} needs. */
  public int bufferSize() {
    if (layout instanceof Layout.Adapted adapted) {
      return adapted.bufferSize();
    }
    return Math.max(BUFFER, Math.max(2, rowsTogether()) * Math.toIntExact(rowBytes()));
  }

  /**
   * Copies the encoded bytes of whole rows.
   *
   * @param to receives {@code count} rows of {@link #rowBytes} from {@code at}
   * @throws PhialException.BadInput if the file can no longer be read
   */
  public void copy(long first, int count, byte[] to, int at) {
    try {
      layout.copy(this, first, count, to, at);
    } catch (InternalError fault) {
      throw unreadable(first, fault);
    }
  }

  /** The JVM answers SIGBUS with an InternalError: the mapped file shrank, or its disk failed. */
  private PhialException unreadable(long row, InternalError fault) {
    return new PhialException.BadInput(
        "%s: tensor %s: the file can no longer be read at row %d of the tensor; was it truncated, or has its disk failed?"
            .formatted(file, name, row),
        fault);
  }
}
