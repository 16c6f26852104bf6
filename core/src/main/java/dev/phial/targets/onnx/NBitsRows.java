package dev.phial.targets.onnx;

import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Recoding;
import dev.phial.quant.method.GroupCodes;
import java.util.List;
import java.util.Optional;

/**
 * Codes, scales and zero points in tensors of their own, each row by row: MatMulNBits, QMoE and,
 * with signed codes, GatherBlockQuantized.
 */
final class NBitsRows extends Storage {
  private final GroupInt format;
  private final FloatType weightType;
  private final int columns;
  private final Initializer codes;
  private final Initializer scales;
  private final boolean signed;
  private final List<Initializer> zeros; // none or one
  private final Optional<Recoding> recoding;

  /**
   * @param weightType what the weights are rounded to before they are quantized
   * @param codes {@code [rows, ...]}
   * @param scales {@code [rows, groups]}
   * @param zeros {@code [rows, ceil(groups * bits / 8)]}, none or one
   * @param signed whether the middle code is stored as 0
   * @param recoding how codes come here as they are, if they do
   */
  NBitsRows(
      List<Initializer> initializers,
      GroupInt format,
      FloatType weightType,
      long columns,
      Initializer codes,
      Initializer scales,
      List<Initializer> zeros,
      boolean signed,
      Optional<Recoding> recoding) {
    super(initializers);
    this.format = format;
    this.weightType = weightType;
    this.columns = Math.toIntExact(columns);
    this.codes = codes;
    this.scales = scales;
    this.zeros = zeros;
    this.signed = signed;
    this.recoding = recoding;
  }

  @Override
  FloatType type() {
    return weightType;
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int rows) {
    int count = rows * columns;
    int groups = count / format.blockSize();
    GroupCodes quantized =
        weightType == FloatType.F32
            ? format.quantize(x, from, groups)
            : format.quantize(rounded(x, from, count), 0, groups);
    carry(file, quantized, row, rows);
  }

  @Override
  Optional<Recoding> recoding() {
    return recoding;
  }

  @Override
  void carry(DataFile file, GroupCodes quantized, long row, int rows) {
    int count = rows * columns;
    int groupsPerRow = columns / format.blockSize();
    byte[] packed = new byte[count * format.bits() / 8];
    GroupInt.pack(quantized.codes(), 0, count, format.bits(), packed, 0);
    if (signed) {
      for (int i = 0; i < packed.length; i++) {
        packed[i] ^= (byte) 0x88;
      }
    }
    file.write(codes, packed, row * columns * format.bits() / 8);
    file.write(scales, bytes(quantized.scales()), row * groupsPerRow * format.scaleType().bytes());
    for (Initializer zero : zeros) {
      int rowBytes = (groupsPerRow * format.bits() + 7) / 8;
      file.write(zero, packedZeros(quantized.zeros(), rows, groupsPerRow), row * rowBytes);
    }
  }

  private float[] rounded(float[] x, int from, int count) {
    Overflow.check(codes.name(), weightType, x, from, count);
    float[] rounded = new float[count];
    for (int i = 0; i < count; i++) {
      rounded[i] = weightType.round(x[from + i]);
    }
    return rounded;
  }

  private byte[] bytes(float[] values) {
    FloatType type = format.scaleType();
    byte[] bytes = new byte[values.length * type.bytes()];
    for (int i = 0; i < values.length; i++) {
      type.put(bytes, i * type.bytes(), values[i]);
    }
    return bytes;
  }

  /** Each row begins a byte. */
  private byte[] packedZeros(byte[] zeros, int rows, int groupsPerRow) {
    if (format.bits() == 8) {
      return zeros;
    }
    int rowBytes = (groupsPerRow + 1) / 2;
    byte[] packed = new byte[rows * rowBytes];
    for (int row = 0; row < rows; row++) {
      for (int group = 0; group < groupsPerRow; group++) {
        int zero = zeros[row * groupsPerRow + group];
        packed[row * rowBytes + group / 2] |= (byte) (group % 2 == 0 ? zero : zero << 4);
      }
    }
    return packed;
  }
}
