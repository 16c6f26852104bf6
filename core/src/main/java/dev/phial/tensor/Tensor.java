package dev.phial.tensor;

import dev.phial.PhialException;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.CodeKernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
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
 * @param layout where rows lie if not one after the other, or null
 */
public record Tensor(
    Path file,
    String name,
    Encoding encoding,
    Shape shape,
    MemorySegment data,
    @Nullable Scales scales,
    @Nullable Layout layout) {
  /** Bytes of encoded rows that are multiplied together; they stay in the first cache. */
  private static final int BUFFER = 1 << 13;

  /** Columns of a transposed matrix that are read at a time, a line of the cache or more. */
  private static final int SIDE_BY_SIDE = 64;

  public Tensor(
      Path file,
      String name,
      Encoding encoding,
      Shape shape,
      MemorySegment data,
      @Nullable Scales scales) {
    this(file, name, encoding, shape, data, scales, null);
  }

  public Tensor(Path file, String name, Encoding encoding, Shape shape, MemorySegment data) {
    this(file, name, encoding, shape, data, null, null);
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

  public Tensor withScales(Scales newScales) {
    return new Tensor(file, name, encoding, shape, data, newScales, layout);
  }

  public Tensor withName(String newName) {
    return new Tensor(file, newName, encoding, shape, data, scales, layout);
  }

  /** {@code rows} rows from {@code first}, as a matrix with a name of its own. */
  public Tensor slice(String newName, long first, long rows) {
    Shape newShape = Shape.of(rows, shape.columns());
    return switch (layout) {
      case null -> withRows(newName, newShape, first, rows, null);
      case Layout.Every every -> withRows(newName, newShape, first * every.step(), rows, every);
      case Layout.Columns columns ->
          new Tensor(
              file,
              newName,
              encoding,
              newShape,
              data,
              scales == null ? null : scales.from(first),
              new Layout.Columns(columns.first() + first, columns.all()));
      case Layout.Stack stack -> {
        List<Tensor> parts = new ArrayList<>();
        forEachPart(
            stack,
            first,
            rows,
            (part, row, count, done) -> parts.add(part.slice(newName, row, count)));
        yield stack(newName, parts);
      }
    };
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
            data.asSlice(encoding.bytes(first), encoding.bytes(rows)));
  }

  /**
   * Every {@code step}-th row from {@code first}.
   *
   * @param rows how many
   */
  public Tensor every(String newName, long first, long step, long rows) {
    if (layout != null) {
      throw new IllegalStateException("rows that do not follow each other are not taken apart");
    }
    return withRows(newName, Shape.of(rows, shape.columns()), first, rows, new Layout.Every(step));
  }

  private Tensor withRows(
      String newName, Shape newShape, long first, long rows, @Nullable Layout newLayout) {
    long rowBytes = encoding.bytes(shape.columns());
    long step = newLayout instanceof Layout.Every every ? every.step() : 1;
    long spanned = rows == 0 ? 0 : (rows - 1) * step + 1;
    return new Tensor(
        file,
        newName,
        encoding,
        newShape,
        data.asSlice(first * rowBytes, spanned * rowBytes),
        scales == null ? null : scales.from(first),
        newLayout);
  }

  /** Whether {@link #copy} gives the rows in their encoding, with all that belongs to them. */
  public boolean isPlain() {
    return scales == null
        && (!(layout instanceof Layout.Stack stack)
            || stack.parts().stream()
                .allMatch(part -> part.isPlain() && part.encoding == encoding));
  }

  /** Bytes in the file, without scales. */
  public long bytes() {
    return switch (layout) {
      case Layout.Stack stack -> stack.parts().stream().mapToLong(Tensor::bytes).sum();
      case null, default -> shape.rows() * encoding.bytes(shape.columns());
    };
  }

  /** Bytes of a row as {@link #copy} gives it. */
  public long rowBytes() {
    return switch (layout) {
      case Layout.Stack stack ->
          stack.parts().stream().mapToLong(Tensor::rowBytes).max().orElseThrow();
      case null, default -> encoding.bytes(shape.columns());
    };
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
      switch (layout) {
        case null -> decode(first * columns, Math.multiplyExact(count, columns), to, at);
        case Layout.Every every -> {
          long rowBytes = encoding.bytes(columns);
          for (int row = 0; row < count; row++) {
            encoding.decode(
                data, (first + row) * every.step() * rowBytes, to, at + row * columns, columns);
          }
        }
        case Layout.Columns transposed -> readColumns(transposed, first, count, to, at);
        case Layout.Stack stack ->
            forEachPart(
                stack,
                first,
                count,
                (part, row, rows, done) ->
                    part.read(row, (int) rows, to, at + (int) done * columns));
      }
    } catch (InternalError fault) {
      throw unreadable(first, fault);
    }
    if (scales != null) {
      long step = layout instanceof Layout.Every every ? every.step() : 1;
      for (int row = 0; row < count; row++) {
        scales.apply((first + row) * step, to, at + row * columns, columns);
      }
    }
  }

  /** Whether the two hold the same numbers; all of them are read, unless some differ before. */
  public boolean hasNumbersOf(Tensor other) {
    if (!shape.equals(other.shape)) {
      return false;
    }
    int columns = Math.toIntExact(shape.columns());
    float[] x = new float[SIDE_BY_SIDE * columns];
    float[] y = new float[SIDE_BY_SIDE * columns];
    for (long row = 0; row < shape.rows(); row += SIDE_BY_SIDE) {
      int rows = (int) Math.min(SIDE_BY_SIDE, shape.rows() - row);
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
    return switch (layout) {
      case null -> 1;
      case Layout.Every _ -> 1;
      case Layout.Columns _ -> SIDE_BY_SIDE;
      case Layout.Stack stack ->
          stack.parts().stream().mapToInt(Tensor::rowsTogether).max().orElse(1);
    };
  }

  /** Decodes elements that need not be whole blocks; the data holds the last block in full. */
  private void decode(long first, int count, float[] to, int at) {
    int block = encoding.blockSize();
    int before = (int) (first % block);
    if (before == 0 && count % block == 0) {
      encoding.decode(data, encoding.bytes(first), to, at, count);
      return;
    }
    float[] whole = new float[(before + count + block - 1) / block * block];
    encoding.decode(data, encoding.bytes(first - before), whole, 0, whole.length);
    System.arraycopy(whole, before, to, at, count);
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
      forEachPart(
          stack,
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
    long step = layout instanceof Layout.Every every ? every.step() : 1;
    try {
      for (int row = 0; row < count; row++) {
        scales.read((first + row) * step, groups, to, (at + row) * groups);
      }
    } catch (InternalError fault) {
      throw unreadable(first, fault);
    }
  }

  private void readColumns(Layout.Columns layout, long first, int count, float[] to, int at) {
    int columns = Math.toIntExact(shape.columns());
    int block = encoding.blockSize();
    long start = (layout.first() + first) / block * block;
    int skipped = (int) (layout.first() + first - start);
    float[] line = new float[(skipped + count + block - 1) / block * block];
    for (int column = 0; column < columns; column++) {
      encoding.decode(data, encoding.bytes(column * layout.all() + start), line, 0, line.length);
      for (int row = 0; row < count; row++) {
        to[at + row * columns + column] = line[skipped + row];
      }
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
      forEachPart(
          stack,
          first,
          count,
          (part, row, rows, done) ->
              all[0] =
                  all[0] && part.multiply(row, (int) rows, x, at, y, yAt + (int) done, buffer));
      return all[0];
    }
    if (scales != null) {
      return multiplyCodes(first, count, x, at, y, yAt, buffer);
    }
    Optional<BlockKernel> kernel = encoding.kernel();
    if (kernel.isEmpty() || layout != null) {
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
        || columns % coding.get().groupSize() != 0
        || layout instanceof Layout.Columns) {
      return false;
    }
    int size = coding.get().groupSize();
    int groups = columns / size;
    CodedRows row = new CodedRows(size, new short[0], new float[groups], new double[groups]);
    float[] addends = new float[groups];
    float[] arranged = kernel.get().arrange(x, at, columns);
    float[] sums = CodeKernel.sums(x, at, columns, size);
    long step = layout instanceof Layout.Every every ? every.step() : 1;
    for (int i = 0; i < count; i++) {
      copy(first + i, 1, buffer, 0);
      Objects.requireNonNull(scales).read((first + i) * step, groups, row, 0);
      for (int group = 0; group < groups; group++) {
        addends[group] =
            (float) (row.offsets()[group] + (double) row.scales()[group] * coding.get().least());
      }
      y[yAt + i] = kernel.get().multiply(buffer, 0, size, row.scales(), addends, arranged, sums);
    }
    return true;
  }

  /** What {@link #multiply} needs. */
  public int bufferSize() {
    return Math.max(BUFFER, 2 * Math.toIntExact(rowBytes()));
  }

  /**
   * Copies the encoded bytes of whole rows.
   *
   * @param to receives {@code count} rows of {@link #rowBytes} from {@code at}
   * @throws PhialException.BadInput if the file can no longer be read
   */
  public void copy(long first, int count, byte[] to, int at) {
    long rowBytes = rowBytes();
    try {
      switch (layout) {
        case null ->
            MemorySegment.copy(
                data,
                ValueLayout.JAVA_BYTE,
                first * rowBytes,
                to,
                at,
                Math.toIntExact(count * rowBytes));
        case Layout.Every every -> {
          for (int row = 0; row < count; row++) {
            MemorySegment.copy(
                data,
                ValueLayout.JAVA_BYTE,
                (first + row) * every.step() * rowBytes,
                to,
                at + Math.toIntExact(row * rowBytes),
                Math.toIntExact(rowBytes));
          }
        }
        case Layout.Columns transposed -> copyColumns(transposed, first, count, to, at);
        case Layout.Stack stack ->
            forEachPart(
                stack,
                first,
                count,
                (part, row, rows, done) -> {
                  for (int i = 0; i < rows; i++) {
                    part.copy(row + i, 1, to, at + Math.toIntExact((done + i) * rowBytes));
                  }
                });
      }
    } catch (InternalError fault) {
      throw unreadable(first, fault);
    }
  }

  private void copyColumns(Layout.Columns layout, long first, int count, byte[] to, int at) {
    int bits = Byte.SIZE * encoding.blockBytes() / encoding.blockSize();
    long columns = shape.columns();
    int rowBytes = Math.toIntExact(rowBytes());
    for (int row = 0; row < count; row++) {
      for (long column = 0; column < columns; column++) {
        long bit = (column * layout.all() + layout.first() + first + row) * bits;
        int target = at + row * rowBytes + Math.toIntExact(column * bits / Byte.SIZE);
        if (bits == 4) {
          int code = data.get(ValueLayout.JAVA_BYTE, bit / Byte.SIZE) >> bit % Byte.SIZE & 0xF;
          to[target] = (byte) (column % 2 == 0 ? code : to[target] & 0xF | code << 4);
        } else {
          MemorySegment.copy(
              data, ValueLayout.JAVA_BYTE, bit / Byte.SIZE, to, target, bits / Byte.SIZE);
        }
      }
    }
  }

  private interface PartReader {
    /**
     * @param row of the part
     * @param done rows before these
     */
    void read(Tensor part, long row, long rows, long done);
  }

  private static void forEachPart(Layout.Stack stack, long first, long count, PartReader reader) {
    long start = 0;
    long next = first;
    for (Tensor part : stack.parts()) {
      long end = start + part.shape.rows();
      if (next < first + count && next < end) {
        long rows = Math.min(first + count, end) - next;
        reader.read(part, next - start, rows, next - first);
        next += rows;
      }
      start = end;
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
