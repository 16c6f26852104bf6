package dev.phial.tensor;

import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.CodeKernel;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * How numbers lie in bytes: blocks of {@link #blockSize} elements in {@link #blockBytes} bytes,
 * little-endian. Plain numbers are blocks of one.
 */
public interface Encoding {
  /** The name the field uses, such as {@code BF16} or {@code Q4_K}. */
  String name();

  /** Elements per block. */
  int blockSize();

  /** Bytes per block. */
  int blockBytes();

  /**
   * Decodes {@code count} elements, a multiple of {@link #blockSize}, that start at byte {@code
   * offset} of {@code from}.
   */
  void decode(MemorySegment from, long offset, float[] to, int at, int count);

  /** The range of its codes, if they are integers that {@link Scales} apart from them scale. */
  default Optional<IntRange> integers() {
    return Optional.empty();
  }

  /** Loops over such codes, if there are any. */
  default Optional<CodeKernel> codeKernel() {
    return Optional.empty();
  }

  /** Loops that read it faster than {@link #decode} does, if there are any. */
  default Optional<BlockKernel> kernel() {
    return Optional.empty();
  }

  /**
   * Bytes that {@code elements} elements take.
   *
   * @throws ArithmeticException if that does not fit a long, or {@code elements} is not a whole
   *     number of blocks
   */
  default long bytes(long elements) {
    if (elements % blockSize() != 0) {
      throw new ArithmeticException(elements + " elements are not whole blocks of " + blockSize());
    }
    return Math.multiplyExact(elements / blockSize(), blockBytes());
  }

  /** Bits per element, scales included. */
  default double bitsPerWeight() {
    return 8.0 * blockBytes() / blockSize();
  }
}
