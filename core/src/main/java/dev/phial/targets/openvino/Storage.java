package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.io.OutputFile;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Recoding;
import dev.phial.quant.method.GroupCodes;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * How a matrix lies in the data file. Rows come in stretches, in any order, from several threads.
 */
sealed interface Storage {
  /**
   * Takes rows of the matrix.
   *
   * @param x holds them from {@code from}
   * @param row the first of them
   */
  void write(OutputFile file, float[] x, int from, long row, int rows);

  /** How codes come to it as they are, if they do: then it gets these, and no numbers. */
  default Optional<Recoding> recoding() {
    return Optional.empty();
  }

  /**
   * Takes rows of the matrix as codes.
   *
   * @param codes what {@link #recoding} gave
   * @param row the first of them
   */
  default void carry(OutputFile file, GroupCodes codes, long row, int rows) {
    throw new UnsupportedOperationException("takes numbers");
  }

  /** What it is part of, for messages. */
  String name();

  /** The same for another writing, with nothing held from this one. */
  default Storage again() {
    return this;
  }

  /** Numbers row by row. */
  record Numbers(Constant to, FloatType origin, FloatType type, int columns) implements Storage {
    @Override
    public String name() {
      return to.name();
    }

    @Override
    public void write(OutputFile file, float[] x, int from, long row, int rows) {
      int count = rows * columns;
      byte[] bytes = new byte[count * type.bytes()];
      for (int i = 0; i < count; i++) {
        float value = origin.round(x[from + i]);
        if (Math.abs(value) > type.largest()) {
          throw new PhialException.Unsupported(
              "tensor %s: expected numbers that fit %s, found %s; choose another precision, openvino:fp32 say"
                  .formatted(to.name(), type.word(), value));
        }
        type.put(bytes, i * type.bytes(), value);
      }
      file.write(ByteBuffer.wrap(bytes), to.offset() + row * columns * type.bytes());
    }
  }

  /** Codes, scales and zero points of integers apart, each row by row. */
  record Integers(
      Constant codes,
      Constant scales,
      Optional<Nibbles> zeros,
      FloatType origin,
      GroupInt format,
      int columns,
      Optional<Recoding> recoding)
      implements Storage {
    @Override
    public String name() {
      return codes.name();
    }

    @Override
    public Storage again() {
      return new Integers(
          codes, scales, zeros.map(Nibbles::again), origin, format, columns, recoding);
    }

    @Override
    public void write(OutputFile file, float[] x, int from, long row, int rows) {
      int groups = rows * (columns / format.blockSize());
      float[] rounded = rounded(origin, x, from, rows * columns);
      carry(file, format.quantize(rounded, rounded == x ? from : 0, groups), row, rows);
    }

    @Override
    public void carry(OutputFile file, GroupCodes quantized, long row, int rows) {
      int groupsPerRow = columns / format.blockSize();
      int groups = rows * groupsPerRow;
      byte[] packed = new byte[rows * columns * format.bits() / Byte.SIZE];
      GroupInt.pack(quantized.codes(), 0, rows * columns, format.bits(), packed, 0);
      if (!format.hasZeros()) {
        byte sign = (byte) (format.bits() == 8 ? 0x80 : 0x88);
        for (int i = 0; i < packed.length; i++) {
          packed[i] ^= sign; // the middle code is stored as 0
        }
      }
      file.write(
          ByteBuffer.wrap(packed), codes.offset() + row * columns * format.bits() / Byte.SIZE);
      byte[] scaleBytes = new byte[groups * Short.BYTES];
      for (int i = 0; i < groups; i++) {
        checkScale(scales, quantized.scales()[i]);
        FloatType.F16.put(scaleBytes, i * Short.BYTES, quantized.scales()[i]);
      }
      file.write(ByteBuffer.wrap(scaleBytes), scales.offset() + row * groupsPerRow * Short.BYTES);
      zeros.ifPresent(to -> to.write(file, quantized.zeros(), row * groupsPerRow, groups));
    }
  }

  /** Codes and scales of small floating-point numbers. */
  record Floats(Constant codes, Constant scales, FloatType origin, GroupFloat format, int columns)
      implements Storage {
    @Override
    public String name() {
      return codes.name();
    }

    @Override
    public void write(OutputFile file, float[] x, int from, long row, int rows) {
      int groupsPerRow = columns / format.blockSize();
      int groups = rows * groupsPerRow;
      float[] rounded = rounded(origin, x, from, rows * columns);
      GroupCodes quantized = format.quantize(rounded, rounded == x ? from : 0, groups);
      byte[] packed = new byte[rows * columns * format.bits() / Byte.SIZE];
      GroupInt.pack(quantized.codes(), 0, rows * columns, format.bits(), packed, 0);
      file.write(
          ByteBuffer.wrap(packed), codes.offset() + row * columns * format.bits() / Byte.SIZE);
      byte[] scaleBytes = new byte[groups * format.scaleBytes()];
      for (int i = 0; i < groups; i++) {
        checkScale(scales, quantized.scales()[i]);
        format.putScale(scaleBytes, i * format.scaleBytes(), quantized.scales()[i]);
      }
      file.write(
          ByteBuffer.wrap(scaleBytes), scales.offset() + row * groupsPerRow * format.scaleBytes());
    }
  }

  private static void checkScale(Constant scales, float scale) {
    if (Math.abs(scale) > FloatType.F16.largest()) {
      throw new PhialException.Unsupported(
          "tensor %s: expected scales that fit half precision, found %s; choose openvino:fp32"
              .formatted(scales.name(), scale));
    }
  }

  private static float[] rounded(FloatType origin, float[] x, int from, int count) {
    if (origin == FloatType.F32) {
      return x;
    }
    float[] rounded = new float[count];
    for (int i = 0; i < count; i++) {
      rounded[i] = origin.round(x[from + i]);
    }
    return rounded;
  }
}
