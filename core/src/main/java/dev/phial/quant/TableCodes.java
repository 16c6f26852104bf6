package dev.phial.quant;

import dev.phial.tensor.Encoding;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Codes of 4 or 8 bits that stand for the numbers of a table, as bitsandbytes keeps them; of two
 * nibbles the even one is above.
 *
 * @param values one for each code, 16 or 256
 */
public record TableCodes(String name, List<Float> values) implements Encoding {
  public TableCodes {
    values = List.copyOf(values);
  }

  private boolean areNibbles() {
    return values.size() == 16;
  }

  @Override
  public int blockSize() {
    return areNibbles() ? 2 : 1;
  }

  @Override
  public int blockBytes() {
    return 1;
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    float[] table = new float[values.size()];
    for (int i = 0; i < table.length; i++) {
      table[i] = values.get(i);
    }
    for (int i = 0; i < count; i += blockSize()) {
      int code = from.get(ValueLayout.JAVA_BYTE, offset + i / blockSize()) & 0xFF;
      if (areNibbles()) {
        to[at + i] = table[code >> 4];
        to[at + i + 1] = table[code & 0xF];
      } else {
        to[at + i] = table[code];
      }
    }
  }
}
