package dev.phial.quant;

import dev.phial.tensor.Encoding;
import dev.phial.tensor.IntRange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * Unsigned integers of 2, 4 or 8 bits in words of 32, as PyTorch's quantizers keep them.
 *
 * @param order in which a word has them
 * @param addend to every word before it is taken apart, without regard to where codes begin: the
 *     first version of GPTQ's files stores zero points less one, by a subtraction of words
 */
public record WordCodes(String name, int bits, Order order, int addend) implements Encoding {
  /** Which code of a word is the n-th from below. */
  public enum Order {
    /** The n-th. */
    PLAIN(0, 1, 2, 3, 4, 5, 6, 7),
    /** As AWQ interleaves eight of them. */
    AWQ(0, 4, 1, 5, 2, 6, 3, 7);

    private final int[] places;

    Order(int... places) {
      this.places = places;
    }

    /** Where in a word code {@code i} of it lies, in codes from below. */
    public int place(int i) {
      return this == PLAIN ? i : places[i];
    }
  }

  /** A one in every code of a word. */
  public static int ones(int bits) {
    return (int) (0xFFFF_FFFFL / ((1 << bits) - 1));
  }

  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  public int blockSize() {
    return Integer.SIZE / bits;
  }

  @Override
  public int blockBytes() {
    return Integer.BYTES;
  }

  @Override
  public Optional<IntRange> integers() {
    return Optional.of(new IntRange(0, (1 << bits) - 1));
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    int mask = (1 << bits) - 1;
    for (int i = 0; i < count; i += blockSize()) {
      int word = from.get(WORD, offset + (long) i / blockSize() * Integer.BYTES) + addend;
      for (int k = 0; k < blockSize(); k++) {
        to[at + i + k] = word >>> order.place(k) * bits & mask;
      }
    }
  }
}
