package dev.phial.quant;

import dev.phial.kernel.CodeKernel;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.IntRange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Integers of 4 or 8 bits whose scales lie apart from them, as ONNX keeps them; of two nibbles the
 * even one is below.
 *
 * @param signed whether codes are two's complement
 * @param zero is taken from every code
 */
public record IntCodes(String name, int bits, boolean signed, int zero) implements Encoding {
  public static final IntCodes INT4 = new IntCodes("INT4", 4, true, 0);
  public static final IntCodes UINT4 = new IntCodes("UINT4", 4, false, 0);

  @Override
  public int blockSize() {
    return Byte.SIZE / bits;
  }

  @Override
  public int blockBytes() {
    return 1;
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
    Optional<CodeKernel> kernel = codeKernel();
    if (kernel.isPresent()) {
      byte[] bytes = new byte[count * bits / Byte.SIZE];
      MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
      int least = integers().orElseThrow().least();
      kernel.get().decode(bytes, 0, count, least, to, at);
      return;
    }
    int flip = signed ? 1 << bits - 1 : 0; // as unsigned codes around the middle
    int middle = flip + zero;
    for (int i = 0; i < count; i += blockSize()) {
      int code = from.get(ValueLayout.JAVA_BYTE, offset + i * bits / Byte.SIZE) & 0xFF;
      if (bits == Byte.SIZE) {
        to[at + i] = (code ^ flip) - middle;
      } else {
        to[at + i] = (code & 0xF ^ flip) - middle;
        to[at + i + 1] = (code >> 4 ^ flip) - middle;
      }
    }
  }
}
