package dev.phial.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.phial.kernel.BlockKernel;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The fast loops of every type that has some, against the definition of its blocks. */
final class BlockKernelTest {
  private static final int ROWS = 5;

  static Stream<GgmlFormat> formats() {
    return Formats.ALL.stream().filter(format -> format.kernel().isPresent());
  }

  @Test
  void theCommonTypesHaveThem() {
    assumeTrue(
        formats().findAny().isPresent(), "registers of 128 bits have no room for block kernels");
    assertThat(formats().map(GgmlFormat::name))
        .contains("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1")
        .contains("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS");
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("formats")
  void agreeWithTheBlocks(GgmlFormat format) {
    BlockKernel kernel = format.kernel().orElseThrow();
    int[] widths = format.blockSize() == 1 ? new int[] {1, 15, 16, 33, 2100} : new int[] {256, 768};
    for (int columns : widths) {
      Random random = new Random(columns);
      byte[] bytes = new byte[(int) format.bytes((long) ROWS * columns)];
      format.encode(gaussian(random, ROWS * columns), ROWS, columns, null, bytes, 0);
      float[] expected = new float[ROWS * columns];
      for (int block = 0; block < ROWS * columns / format.blockSize(); block++) {
        format.decodeBlock(
            bytes, block * format.blockBytes(), expected, block * format.blockSize());
      }
      float[] x = gaussian(random, columns + 3);
      int shift = 6; // blocks may lie anywhere
      byte[] shifted = new byte[bytes.length + shift];
      System.arraycopy(bytes, 0, shifted, shift, bytes.length);

      float[] decoded = new float[ROWS * columns + 2];
      kernel.decode(shifted, shift, decoded, 2, ROWS * columns);
      for (int i = 0; i < expected.length; i++) {
        assertThat(decoded[2 + i]).isEqualTo(expected[i]);
      }

      float[] y = new float[ROWS + 1];
      kernel.multiply(shifted, shift, ROWS, columns, x, 3, kernel.sums(x, 3, columns), y, 1);
      for (int row = 0; row < ROWS; row++) {
        double sum = 0;
        double magnitude = 0;
        for (int k = 0; k < columns; k++) {
          sum += (double) expected[row * columns + k] * x[3 + k];
          magnitude += Math.abs((double) expected[row * columns + k] * x[3 + k]);
        }
        assertThat((double) y[1 + row]).isCloseTo(sum, within(2e-6 * magnitude));
      }
    }
  }

  private static float[] gaussian(Random random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }
}
