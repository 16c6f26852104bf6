package dev.phial.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.quant.IntCodes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products with rows of codes whose scales lie apart agree with the rows as they are read. */
final class TensorTest {
  private static final int ROWS = 6;
  private static final int COLUMNS = 256;
  private static final Path FILE = Path.of("model");

  private final Random random = new Random(7);

  @ParameterizedTest
  @CsvSource({
    "4,true,0,32",
    "4,false,8,32",
    "4,false,0,64",
    "4,false,0,256",
    "8,true,0,32",
    "8,false,128,64",
  })
  void productsAgreeWithRows(int bits, boolean signed, int zero, int size) {
    Tensor codes =
        new Tensor(
            FILE,
            "weight",
            new IntCodes("codes", bits, signed, zero),
            Shape.of(ROWS, COLUMNS),
            bytes(ROWS * COLUMNS * bits / Byte.SIZE));
    Tensor scales = floats(COLUMNS / size, 0.1f);
    Tensor zeros = floats(COLUMNS / size, 7);
    for (Scales some :
        List.of(
            new GroupScales(size, scales, null, 0),
            new GroupScales(size, scales, zeros, 0),
            new GroupZeros(size, scales, zeros, 0))) {
      Tensor tensor = codes.withScales(some);
      assertThatProductsAgree(tensor);
      assertThatProductsAgree(tensor.slice("slice", 1, 4));
      assertThatProductsAgree(tensor.every("odd", 1, 2, 3));
      assertThatProductsAgree(
          Tensor.stack(
              "stack", List.of(tensor.slice("a", 3, 2), tensor, tensor.every("b", 0, 3, 2))));
    }
  }

  /** As OpenVINO keeps them where a row is a single group: a byte belongs to two rows. */
  @Test
  void countsBytesThatRowsOfZerosShare() {
    Tensor zeros = new Tensor(FILE, "zeros", IntCodes.UINT4, Shape.of(ROWS, 1), bytes(ROWS / 2));
    Tensor tensor =
        new Tensor(
                FILE, "weight", IntCodes.UINT4, Shape.of(ROWS, COLUMNS), bytes(ROWS * COLUMNS / 2))
            .withScales(new GroupZeros(COLUMNS, floats(1, 1), zeros, 0));
    assertThat(tensor.storedBytes()).isEqualTo(ROWS * COLUMNS / 2 + ROWS * Float.BYTES + ROWS / 2);
  }

  private void assertThatProductsAgree(Tensor tensor) {
    int rows = (int) tensor.shape().rows();
    float[] x = new float[COLUMNS + 3];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    float[] values = new float[rows * COLUMNS];
    tensor.read(0, rows, values, 0);
    float[] y = new float[rows + 2];
    boolean isMultiplied = tensor.multiply(0, rows, x, 3, y, 2, new byte[tensor.bufferSize()]);
    assertThat(isMultiplied).isTrue();
    for (int row = 0; row < rows; row++) {
      double sum = 0;
      double magnitude = 0;
      for (int k = 0; k < COLUMNS; k++) {
        sum += (double) values[row * COLUMNS + k] * x[3 + k];
        magnitude += Math.abs((double) values[row * COLUMNS + k] * x[3 + k]);
      }
      // a zero point far from the codes costs digits: what it adds is summed apart
      assertThat((double) y[2 + row]).isCloseTo(sum, within(1e-5 * magnitude));
    }
  }

  private MemorySegment bytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return MemorySegment.ofArray(bytes);
  }

  private Tensor floats(int columns, float factor) {
    MemorySegment data = MemorySegment.ofArray(new byte[ROWS * columns * Float.BYTES]);
    for (int i = 0; i < ROWS * columns; i++) {
      data.set(
          ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN),
          (long) i * Float.BYTES,
          random.nextFloat() * factor);
    }
    return new Tensor(FILE, "scales", DType.F32, Shape.of(ROWS, columns), data);
  }
}
