package dev.phial.quant;

import dev.phial.kernel.CodeKernel;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.IntRange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Integers of up to 8 bits whose scales lie apart from them, one after the other, the lowest bit
 * first.
 *
 * @param signed whether codes are two's complement
 * @param zero is taken from every code
 */
public record IntCodes(String name, int bits, boolean signed, int zero) implements Encoding {
  public static final IntCodes INT4 = new IntCodes("INT4", 4, true, 0);
  public static final IntCodes UINT4 = new IntCodes("UINT4", 4, false, 0);

  @Override
  public int blockSize() {
    return Byte.SIZE % bits == 0 ? Byte.SIZE / bits : Byte.SIZE;
  }

  @Override
  public int blockBytes() {
    return Byte.SIZE % bits == 0 ? 1 : bits;
  }

  @Override
  public Optional<IntRange> integers() {
    int least = -(signed ? 1 << bits - 1 : 0) - zero;
    return Optional.of(new IntRange(least, least + (1 << bits) - 1));
  }

  @Override
  public Optional<CodeKernel> codeKernel() {
    return CodeKernel.of(bits, signed);
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    byte[] bytes = new byte[Math.toIntExact(bytes(count))];
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    Optional<CodeKernel> kernel = codeKernel();
    if (kernel.isPresent()) {
      int least = integers().orElseThrow().least();
      kernel.get().decode(bytes, 0, count, least, to, at);
      return;
    }
    int flip = signed ? 1 << bits - 1 : 0; // as unsigned codes around the middle
    int middle = flip + zero;
    int mask = (1 << bits) - 1;
    for (int i = 0; i < count; i++) {
      int bit = i * bits;
      int code = bytes[bit / Byte.SIZE] & 0xFF;
      if (bit % Byte.SIZE + bits > Byte.SIZE) {
        code |= (bytes[bit / Byte.SIZE + 1] & 0xFF) << Byte.SIZE;
      }
      to[at + i] = (code >> bit % Byte.SIZE & mask ^ flip) - middle;
    }
  }
}
