package dev.phial.quant;

import dev.phial.tensor.Encoding;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Sixteen values whose scales lie apart from their codes, as OpenVINO keeps them; of two nibbles
 * the even one is below.
 */
public record FloatCodes(String name, GroupFloat.Values values) implements Encoding {
  public static final FloatCodes NF4 = new FloatCodes("NF4", GroupFloat.Values.NF4);
  public static final FloatCodes E2M1 = new FloatCodes("MXFP4", GroupFloat.Values.E2M1);

  @Override
  public int blockSize() {
    return 2;
  }

  @Override
  public int blockBytes() {
    return 1;
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    for (int i = 0; i < count; i += 2) {
      int pair = from.get(ValueLayout.JAVA_BYTE, offset + i / 2) & 0xFF;
      to[at + i] = values.value(pair & 0xF);
      to[at + i + 1] = values.value(pair >> 4);
    }
  }
}
