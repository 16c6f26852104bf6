package dev.phial.quant;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class Nvfp4Test {
  /** Of zeros and of small numbers too, though half precision does not hold the quotient. */
  @ParameterizedTest
  @EnumSource(FloatType.class)
  void divisorsAreFinite(FloatType type) {
    for (float magnitude : new float[] {0, 0x1p-14f, 0.03f, 1, 1000}) {
      float divisor = Nvfp4.divisor(magnitude, type);
      assertThat(divisor).isPositive().isFinite();
      float[] x = new float[32];
      x[3] = magnitude;
      Nvfp4 format = new Nvfp4(type, () -> divisor);
      byte[] blocks = new byte[2 * format.blockBytes()];
      format.encode(x, 1, 32, null, blocks, 0);
      float[] found = new float[32];
      format.decode(MemorySegment.ofArray(blocks), 0, found, 0, 32);
      for (int i = 0; i < 32; i++) {
        assertThat(Math.abs(found[i] - x[i])).isLessThanOrEqualTo(magnitude * 0.1f);
      }
    }
  }
}
