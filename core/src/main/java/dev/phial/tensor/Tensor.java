package dev.phial.tensor;

import dev.phial.PhialException;
import dev.phial.kernel.BlockKernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A named slice of a memory-mapped file: nothing is read until {@link #read} asks for rows.
 *
 * @param file where it lies, for messages
 * @param data exactly the bytes of the tensor
 * @param scales multipliers of a quantized tensor whose encoding does not hold them
 */
public record Tensor(
    Path file,
    String name,
    Encoding encoding,
    Shape shape,
    MemorySegment data,
    @Nullable Scales scales) {
  /** Bytes of encoded rows that are multiplied together; they stay in the first cache. */
  private static final int BUFFER = 1 << 13;

  public Tensor(Path file, String name, Encoding encoding, Shape shape, MemorySegment data) {
    this(file, name, encoding, shape, data, null);
  }

  public Tensor withScales(Scales newScales) {
    return new Tensor(file, name, encoding, shape, data, newScales);
  }

  /** {@code rows} rows from {@code first}, as a matrix with a name of its own. */
  public Tensor slice(String newName, long first, long rows) {
    long rowBytes = encoding.bytes(shape.columns());
    return new Tensor(
        file,
        newName,
        encoding,
        Shape.of(rows, shape.columns()),
        data.asSlice(first * rowBytes, rows * rowBytes),
        scales == null ? null : scales.from(first));
  }

  /**
   * Decodes whole rows.
   *
   * @param to receives {@code count × columns} floats from {@code at}
   * @throws PhialException.BadInput if the file can no longer be read
   */
  public void read(long first, int count, float[] to, int at) {
    int columns = Math.toIntExact(shape.columns());
    long offset = encoding.bytes(first * columns);
    try {
      encoding.decode(data, offset, to, at, Math.multiplyExact(count, columns));
    } catch (InternalError fault) {
      throw unreadable(offset, fault);
    }
    if (scales != null) {
      for (int row = 0; row < count; row++) {
        scales.apply(first + row, to, at + row * columns, columns);
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
    Optional<BlockKernel> kernel = encoding.kernel();
    if (kernel.isEmpty() || scales != null) {
      return false;
    }
    int columns = Math.toIntExact(shape.columns());
    int rowBytes = Math.toIntExact(encoding.bytes(columns));
    int most = bufferSize() / rowBytes;
    float[] sums = kernel.get().sums(x, at, columns);
    try {
      for (int row = 0; row < count; row += most) {
        int rows = Math.min(most, count - row);
        copy((first + row) * rowBytes, (long) rows * rowBytes, buffer, 0);
        kernel.get().multiply(buffer, 0, rows, columns, x, at, sums, y, yAt + row);
      }
    } catch (InternalError fault) { // the JVM may throw it some time after the copy
      throw unreadable(first * rowBytes, fault);
    }
    return true;
  }

  /** What {@link #multiply} needs. */
  public int bufferSize() {
    return Math.max(BUFFER, 2 * Math.toIntExact(encoding.bytes(shape.columns())));
  }

  /**
   * Copies encoded bytes.
   *
   * @throws PhialException.BadInput if the file can no longer be read
   */
  public void copy(long offset, long count, byte[] to, int at) {
    try {
      MemorySegment.copy(data, ValueLayout.JAVA_BYTE, offset, to, at, Math.toIntExact(count));
    } catch (InternalError fault) {
      throw unreadable(offset, fault);
    }
  }

  /** The JVM answers SIGBUS with an InternalError: the mapped file shrank, or its disk failed. */
  private PhialException unreadable(long offset, InternalError fault) {
    return new PhialException.BadInput(
        "%s: tensor %s: the file can no longer be read at byte %d of the tensor; was it truncated, or has its disk failed?"
            .formatted(file, name, offset),
        fault);
  }
}
