package dev.phial.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Where the rows of a tensor lie in its data. */
public sealed interface Layout {
  /** Some rows, as a matrix with a name of its own. */
  Tensor slice(Tensor tensor, String name, long first, long rows);

  /** Decodes whole rows, without what scales them; of copies, unless there is a shorter way. */
  default void read(Tensor tensor, long first, int count, float[] to, int at) {
    byte[] rows = new byte[Math.toIntExact(count * tensor.rowBytes())];
    copy(tensor, first, count, rows, 0);
    int elements = Math.toIntExact(count * tensor.shape().columns());
    tensor.encoding().decode(MemorySegment.ofArray(rows), 0, to, at, elements);
  }

  /** Copies the encoded bytes of whole rows. */
  void copy(Tensor tensor, long first, int count, byte[] to, int at);

  /** How many rows are best read at a time: what lies side by side comes from memory together. */
  default int rowsTogether() {
    return 1;
  }

  /** How many rows of the scales further the next row has its own. */
  default long step() {
    return 1;
  }

  /**
   * The data begins with row 0, and the others follow.
   *
   * @param arrival brings them
   */
  record Rows(Arrival arrival) implements Layout {
    @Override
    public Tensor slice(Tensor tensor, String name, long first, long rows) {
      long rowBytes = tensor.rowBytes();
      MemorySegment data = tensor.data().asSlice(first * rowBytes, rows * rowBytes);
      return tensor.with(name, first, rows, data, this);
    }

    /** Elements need not be whole blocks; the data holds the last block in full. */
    @Override
    public void read(Tensor tensor, long first, int count, float[] to, int at) {
      Encoding encoding = tensor.encoding();
      int columns = Math.toIntExact(tensor.shape().columns());
      int elements = Math.multiplyExact(count, columns);
      int block = encoding.blockSize();
      int before = (int) (first * columns % block);
      long start = encoding.bytes(first * columns - before);
      long end = encoding.bytes((first * columns + elements + block - 1) / block * block);
      arrival.await(tensor.data().asSlice(start, end - start));
      if (before == 0 && elements % block == 0) {
        encoding.decode(tensor.data(), start, to, at, elements);
        return;
      }
      float[] whole = new float[(before + elements + block - 1) / block * block];
      encoding.decode(tensor.data(), start, whole, 0, whole.length);
      System.arraycopy(whole, before, to, at, elements);
    }

    @Override
    public void copy(Tensor tensor, long first, int count, byte[] to, int at) {
      long rowBytes = tensor.rowBytes();
      int bytes = Math.toIntExact(count * rowBytes);
      arrival.await(tensor.data().asSlice(first * rowBytes, bytes));
      MemorySegment.copy(tensor.data(), ValueLayout.JAVA_BYTE, first * rowBytes, to, at, bytes);
    }
  }

  /** The data begins with row 0; the next row is {@code step} rows further. */
  record Every(long step) implements Layout {
    @Override
    public Tensor slice(Tensor tensor, String name, long first, long rows) {
      long rowBytes = tensor.rowBytes();
      long start = tensor.layout() instanceof Every ? first * step : first;
      long spanned = rows == 0 ? 0 : (rows - 1) * step + 1;
      MemorySegment data = tensor.data().asSlice(start * rowBytes, spanned * rowBytes);
      return tensor.with(name, start, rows, data, this);
    }

    @Override
    public void read(Tensor tensor, long first, int count, float[] to, int at) {
      int columns = Math.toIntExact(tensor.shape().columns());
      long rowBytes = tensor.rowBytes();
      for (int row = 0; row < count; row++) {
        long start = (first + row) * step * rowBytes;
        tensor.encoding().decode(tensor.data(), start, to, at + row * columns, columns);
      }
    }

    @Override
    public void copy(Tensor tensor, long first, int count, byte[] to, int at) {
      int rowBytes = Math.toIntExact(tensor.rowBytes());
      for (int row = 0; row < count; row++) {
        MemorySegment.copy(
            tensor.data(),
            ValueLayout.JAVA_BYTE,
            (first + row) * step * rowBytes,
            to,
            at + row * rowBytes,
            rowBytes);
      }
    }
  }

  /**
   * The data is a transposed matrix, {@code [columns, all]}; row 0 is its column {@code first}.
   *
   * @param all elements of a row of the data
   */
  record Columns(long first, long all) implements Layout {
    @Override
    public Tensor slice(Tensor tensor, String name, long from, long rows) {
      return tensor.with(name, from, rows, tensor.data(), new Columns(first + from, all));
    }

    @Override
    public void read(Tensor tensor, long from, int count, float[] to, int at) {
      Encoding encoding = tensor.encoding();
      int columns = Math.toIntExact(tensor.shape().columns());
      int block = encoding.blockSize();
      long start = (first + from) / block * block;
      int skipped = (int) (first + from - start);
      float[] line = new float[(skipped + count + block - 1) / block * block];
      for (int column = 0; column < columns; column++) {
        encoding.decode(tensor.data(), encoding.bytes(column * all + start), line, 0, line.length);
        for (int row = 0; row < count; row++) {
          to[at + row * columns + column] = line[skipped + row];
        }
      }
    }

    @Override
    public void copy(Tensor tensor, long from, int count, byte[] to, int at) {
      int bits = bits(tensor.encoding());
      boolean isWholeBytes = bits == 8 || bits == 4 && (first + from | all | count) % 2 == 0;
      if (isWholeBytes && tensor.shape().columns() % TILE == 0) {
        copyTiles(tensor, bits, from, count, to, at);
      } else {
        copyElements(tensor, bits, from, count, to, at);
      }
    }

    /** Some columns at a time, which lie in as many lines: those of a row are written at once. */
    private void copyTiles(Tensor tensor, int bits, long from, int count, byte[] to, int at) {
      MemorySegment rows = MemorySegment.ofArray(to);
      long rowBytes = tensor.rowBytes();
      int lineBytes = count * bits / Byte.SIZE;
      byte[] lines = new byte[TILE * lineBytes];
      for (long column = 0; column < tensor.shape().columns(); column += TILE) {
        for (int i = 0; i < TILE; i++) {
          long start = ((column + i) * all + first + from) * bits / Byte.SIZE;
          MemorySegment.copy(
              tensor.data(), ValueLayout.JAVA_BYTE, start, lines, i * lineBytes, lineBytes);
        }
        long place = at + column * bits / Byte.SIZE;
        for (int i = 0; i < lineBytes; i++) {
          if (bits == 8) {
            rows.set(EIGHT_BYTES, place + i * rowBytes, bytes(lines, i, lineBytes));
          } else {
            rows.set(WORD, place + 2L * i * rowBytes, nibbles(lines, i, lineBytes, 0));
            rows.set(WORD, place + (2L * i + 1) * rowBytes, nibbles(lines, i, lineBytes, 4));
          }
        }
      }
    }

    private static long bytes(byte[] lines, int at, int lineBytes) {
      long eight = 0;
      for (int i = 0; i < TILE; i++) {
        eight |= (lines[i * lineBytes + at] & 0xFFL) << i * 8;
      }
      return eight;
    }

    private static int nibbles(byte[] lines, int at, int lineBytes, int shift) {
      int eight = 0;
      for (int i = 0; i < TILE; i++) {
        eight |= (lines[i * lineBytes + at] >> shift & 0xF) << i * 4;
      }
      return eight;
    }

    private void copyElements(Tensor tensor, int bits, long from, int count, byte[] to, int at) {
      MemorySegment data = tensor.data();
      int rowBytes = Math.toIntExact(tensor.rowBytes());
      for (int row = 0; row < count; row++) {
        for (long column = 0; column < tensor.shape().columns(); column++) {
          long bit = (column * all + first + from + row) * bits;
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

    @Override
    public int rowsTogether() {
      return SIDE_BY_SIDE;
    }
  }

  /**
   * The data is words of 32 bits, {@code [words of a row, all]}: those of a row, which hold its
   * codes one after the other, lie below each other, from column {@code first} on.
   *
   * @param all words side by side
   */
  record Words(long first, long all) implements Layout {
    @Override
    public Tensor slice(Tensor tensor, String name, long from, long rows) {
      return tensor.with(name, from, rows, tensor.data(), new Words(first + from, all));
    }

    @Override
    public void copy(Tensor tensor, long from, int count, byte[] to, int at) {
      int[] line = new int[count];
      MemorySegment target = MemorySegment.ofArray(to);
      int rowBytes = Math.toIntExact(tensor.rowBytes());
      for (int word = 0; word < rowBytes / Integer.BYTES; word++) {
        long start = (word * all + first + from) * Integer.BYTES;
        MemorySegment.copy(tensor.data(), WORD, start, line, 0, count);
        for (int row = 0; row < count; row++) {
          target.set(WORD, at + row * rowBytes + word * Integer.BYTES, line[row]);
        }
      }
    }

    @Override
    public int rowsTogether() {
      return SIDE_BY_SIDE;
    }
  }

  /**
   * The data is words of 32 bits, {@code [rows / codes of a word, all]}: a word holds codes of one
   * column, of rows that follow each other.
   *
   * @param first row of the data that is row 0
   * @param all words side by side; further columns are 0
   */
  record Interleaved(long first, int all) implements Layout {
    @Override
    public Tensor slice(Tensor tensor, String name, long from, long rows) {
      return tensor.with(name, from, rows, tensor.data(), new Interleaved(first + from, all));
    }

    @Override
    public void copy(Tensor tensor, long from, int count, byte[] to, int at) {
      int bits = bits(tensor.encoding());
      int perWord = Integer.SIZE / bits;
      int rowBytes = Math.toIntExact(tensor.rowBytes());
      int[] words = new int[all];
      for (int row = 0; row < count; row++) {
        long line = (first + from + row) / perWord;
        int shift = (int) ((first + from + row) % perWord) * bits;
        MemorySegment.copy(tensor.data(), WORD, line * all * Integer.BYTES, words, 0, all);
        for (int column = 0; column < all; column++) {
          put(to, at + row * rowBytes, column, bits, words[column] >>> shift);
        }
      }
    }
  }

  /**
   * The data is bytes, {@code [lines, columns]}: a byte holds codes of one column, of rows that lie
   * so many lines apart, the first of them above.
   *
   * @param first row of the matrix that is row 0
   */
  record Folded(long first, long lines) implements Layout {
    @Override
    public Tensor slice(Tensor tensor, String name, long from, long rows) {
      return tensor.with(name, from, rows, tensor.data(), new Folded(first + from, lines));
    }

    @Override
    public void copy(Tensor tensor, long from, int count, byte[] to, int at) {
      int bits = bits(tensor.encoding());
      int columns = Math.toIntExact(tensor.shape().columns());
      int rowBytes = Math.toIntExact(tensor.rowBytes());
      byte[] line = new byte[columns];
      for (int row = 0; row < count; row++) {
        long place = first + from + row;
        int shift = Byte.SIZE - bits * (int) (place / lines + 1);
        long start = place % lines * columns;
        MemorySegment.copy(tensor.data(), ValueLayout.JAVA_BYTE, start, line, 0, columns);
        for (int column = 0; column < columns; column++) {
          put(to, at + row * rowBytes, column, bits, (line[column] & 0xFF) >> shift);
        }
      }
    }
  }

  /** There is no data; the rows are those of {@code parts}, one tensor after the other. */
  record Stack(List<Tensor> parts) implements Layout {
    public Stack {
      parts = List.copyOf(parts);
    }

    @Override
    public Tensor slice(Tensor tensor, String name, long first, long rows) {
      List<Tensor> slices = new ArrayList<>();
      forEachPart(
          first, rows, (part, row, count, done) -> slices.add(part.slice(name, row, count)));
      return Tensor.stack(name, slices);
    }

    @Override
    public void read(Tensor tensor, long first, int count, float[] to, int at) {
      int columns = Math.toIntExact(tensor.shape().columns());
      forEachPart(
          first,
          count,
          (part, row, rows, done) -> part.read(row, (int) rows, to, at + (int) done * columns));
    }

    @Override
    public void copy(Tensor tensor, long first, int count, byte[] to, int at) {
      long rowBytes = tensor.rowBytes();
      forEachPart(
          first,
          count,
          (part, row, rows, done) -> {
            for (int i = 0; i < rows; i++) {
              part.copy(row + i, 1, to, at + Math.toIntExact((done + i) * rowBytes));
            }
          });
    }

    @Override
    public int rowsTogether() {
      return parts.stream().mapToInt(Tensor::rowsTogether).max().orElse(1);
    }

    void forEachPart(long first, long count, PartReader reader) {
      long start = 0;
      long next = first;
      for (Tensor part : parts) {
        long end = start + part.shape().rows();
        if (next < first + count && next < end) {
          long rows = Math.min(first + count, end) - next;
          reader.read(part, next - start, rows, next - first);
          next += rows;
        }
        start = end;
      }
    }
  }

  /**
   * The rows are those of another tensor, changed: no bytes hold them.
   *
   * @param changes one after the other
   */
  record Adapted(Tensor base, List<LowRank> changes) implements Layout {
    public Adapted {
      changes = List.copyOf(changes);
    }

    @Override
    public Tensor slice(Tensor tensor, String name, long first, long rows) {
      return base.slice(name, first, rows)
          .adapted(changes.stream().map(change -> change.from(first)).toList());
    }

    @Override
    public void read(Tensor tensor, long first, int count, float[] to, int at) {
      base.read(first, count, to, at);
      changes.forEach(change -> change.apply(first, count, to, at));
    }

    @Override
    public void copy(Tensor tensor, long first, int count, byte[] to, int at) {
      throw new IllegalStateException("numbers that are changed have no bytes");
    }

    @Override
    public int rowsTogether() {
      return base.rowsTogether();
    }

    /** As {@link Tensor#multiply}; rows whose length is changed have to be read. */
    boolean multiply(long first, int count, float[] x, int at, float[] y, int yAt, byte[] buffer) {
      if (changes.stream().anyMatch(change -> change.magnitudes().isPresent())
          || !base.multiply(first, count, x, at, y, yAt, buffer)) {
        return false;
      }
      changes.forEach(change -> change.multiply(first, count, x, at, y, yAt, buffer));
      return true;
    }

    /** What {@link #multiply} needs. */
    int bufferSize() {
      return Math.max(
          base.bufferSize(),
          changes.stream().mapToInt(change -> change.down().bufferSize()).max().orElse(0));
    }
  }

  /** Takes rows of a part. */
  interface PartReader {
    /**
     * @param row of the part
     * @param done rows before these
     */
    void read(Tensor part, long row, long rows, long done);
  }

  /** Columns of a transposed matrix that are copied at a time. */
  int TILE = 8;

  ValueLayout.OfLong EIGHT_BYTES =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Columns of a transposed matrix that are read at a time, a line of the cache or more. */
  int SIDE_BY_SIDE = 64;

  ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Puts a code into a row, whose codes come one after the other.
   *
   * @param value its lowest bits are the code
   */
  private static void put(byte[] to, int row, int column, int bits, int value) {
    int bit = column * bits;
    int code = value & (1 << bits) - 1;
    int target = row + bit / Byte.SIZE;
    to[target] = (byte) (bit % Byte.SIZE == 0 ? code : to[target] | code << bit % Byte.SIZE);
  }

  private static int bits(Encoding encoding) {
    return Byte.SIZE * encoding.blockBytes() / encoding.blockSize();
  }
}
