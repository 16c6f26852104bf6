package dev.phial.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.kernel.CodeKernel;
import dev.phial.quant.IntCodes;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LayoutTest {
  private static final Path FILE = Path.of("test");

  /** Whatever rows are asked for, they are those that single elements make. */
  @ParameterizedTest
  @CsvSource({
    "4, 16, 64, 0, 64",
    "4, 24, 70, 2, 66",
    "4, 24, 70, 3, 5",
    "4, 20, 70, 2, 6",
    "4, 8, 2, 0, 2",
    "8, 16, 64, 0, 64",
    "8, 24, 71, 3, 5",
    "8, 20, 7, 1, 3",
    "8, 8, 1, 0, 1"
  })
  void turnsColumnsToRows(int bits, int columns, int rows, int first, int count) {
    byte[] data = random(columns * rows * bits / 8);
    IntCodes encoding = new IntCodes("codes", bits, false, 0);
    Tensor turned = turned(encoding, rows, columns, data, null);
    byte[] copied = new byte[count * columns * bits / 8];
    turned.copy(first, count, copied, 0);
    float[] read = new float[count * columns];
    turned.read(first, count, read, 0);
    for (int row = 0; row < count; row++) {
      for (int column = 0; column < columns; column++) {
        int expected = code(data, column * rows + first + row, bits);
        assertThat(code(copied, row * columns + column, bits)).isEqualTo(expected);
        assertThat(read[row * columns + column]).isEqualTo(expected);
      }
    }
  }

  /** Sums of transposed codes are those of the numbers that they stand for. */
  @ParameterizedTest
  @CsvSource({"4, 32, false", "8, 32, true", "4, 128, true", "8, 256, false"})
  void multipliesTransposedCodes(int bits, int size, boolean signed) {
    int columns = 256;
    int rows = 130;
    int groups = columns / size;
    Random random = new Random(1);
    Tensor scales = floats(rows, groups, random);
    Tensor biases = floats(rows, groups, random);
    Tensor turned =
        turned(
            new IntCodes("codes", bits, signed, 0),
            rows,
            columns,
            random(columns * rows * bits / 8),
            new GroupScales(size, scales, biases, 0));
    float[] x = new float[columns];
    for (int i = 0; i < columns; i++) {
      x[i] = random.nextFloat() - 0.5f;
    }
    float[] y = new float[rows];
    boolean multiplied = turned.multiply(2, rows - 2, x, 0, y, 0, new byte[turned.bufferSize()]);
    assertThat(multiplied).isEqualTo(CodeKernel.of(bits, signed).isPresent());
    float[] row = new float[columns];
    for (int i = 0; multiplied && i < rows - 2; i++) {
      turned.read(2 + i, 1, row, 0);
      double sum = 0;
      double size1 = 0;
      for (int column = 0; column < columns; column++) {
        sum += (double) row[column] * x[column];
        size1 += Math.abs((double) row[column] * x[column]);
      }
      assertThat((double) y[i]).isCloseTo(sum, within(1e-5 * size1));
    }
  }

  private static Tensor turned(
      IntCodes encoding, int rows, int columns, byte[] data, @Nullable Scales scales) {
    return new Tensor(
        FILE,
        "turned",
        encoding,
        Shape.of(rows, columns),
        MemorySegment.ofArray(data),
        scales,
        new Layout.Columns(0, rows));
  }

  private static Tensor floats(int rows, int columns, Random random) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    byte[] bytes = new byte[values.length * Float.BYTES];
    MemorySegment.copy(
        MemorySegment.ofArray(values), 0, MemorySegment.ofArray(bytes), 0, bytes.length);
    return new Tensor(
        FILE, "floats", DType.F32, Shape.of(rows, columns), MemorySegment.ofArray(bytes));
  }

  private static byte[] random(int count) {
    byte[] bytes = new byte[count];
    new Random(count).nextBytes(bytes);
    return bytes;
  }

  private static int code(byte[] from, int index, int bits) {
    int bit = index * bits;
    return from[bit / 8] >> bit % 8 & (1 << bits) - 1;
  }
}
