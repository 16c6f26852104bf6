package dev.phial.source;

import dev.phial.quant.IntCodes;
import dev.phial.source.OnnxGraph.Node;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Layout;
import dev.phial.tensor.Scales;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Matrices of a graph as tensors that read as numbers: of codes, scales and zero points, in rows.
 */
final class OnnxMatrices {
  private final Path file;
  private final OnnxInputs inputs;

  OnnxMatrices(OnnxInputs inputs) {
    this.file = inputs.file();
    this.inputs = inputs;
  }

  /**
   * Unsigned codes with a scale for every block of a row, as MatMulNBits, QMoE and
   * GatherBlockQuantized have them.
   *
   * @param shape of the numbers; only its elements must be those of the codes
   */
  Tensor blocks(
      Node node,
      Tensor codes,
      Tensor scales,
      Optional<Tensor> zeros,
      Shape shape,
      int bits,
      int size) {
    long groups = shape.columns() / size;
    inputs.expect(node, codes, DType.U8, shape.rows(), shape.columns() * bits / Byte.SIZE);
    inputs.expectFloats(node, scales, shape.rows(), groups);
    boolean hasZeros = zeros.isPresent();
    IntCodes encoding =
        new IntCodes(
            (hasZeros ? "UINT" : "INT") + bits + "G" + size,
            bits,
            false,
            hasZeros ? 0 : 1 << bits - 1);
    Tensor perGroup = OnnxInputs.reshape(scales, scales.encoding(), Shape.of(shape.rows(), groups));
    return new Tensor(
        codes.file(),
        codes.name(),
        encoding,
        shape,
        codes.data(),
        zeros
            .<Scales>map(zero ->
                new GroupZeros(
                    size, perGroup, packedZeros(node, zero, shape.rows(), groups, bits), 0))
            .orElse(new GroupScales(size, perGroup, null, 0)));
  }

  /** Zero points, of which each row begins a byte; or numbers like the scales. */
  private Tensor packedZeros(Node node, Tensor zeros, long rows, long groups, int bits) {
    if (zeros.encoding() != DType.U8) {
      inputs.expectFloats(node, zeros, rows, groups);
      return OnnxInputs.reshape(zeros, zeros.encoding(), Shape.of(rows, groups));
    }
    long rowBytes = Math.ceilDiv(groups * bits, Byte.SIZE);
    inputs.expect(node, zeros, DType.U8, rows, rowBytes);
    return bits == Byte.SIZE
        ? OnnxInputs.reshape(zeros, DType.U8, Shape.of(rows, groups))
        : OnnxInputs.reshape(zeros, IntCodes.UINT4, Shape.of(rows, 2 * rowBytes));
  }

  /** The matrix {@code [columns, rows]} in rows. */
  Tensor transposed(Tensor matrix, Encoding encoding, @Nullable Scales scales) {
    long columns = matrix.shape().dimensions().get(0);
    long rows = matrix.shape().dimensions().get(1);
    if (rows < 1
        || columns < 1
        || columns > Integer.MAX_VALUE
        || rows % encoding.blockSize() != 0) {
      throw Refusal.unsupported(
          matrix.file(),
          "tensor %s: expected an even number of rows and columns, found %s",
          matrix.name(),
          matrix.shape());
    }
    return new Tensor(
        matrix.file(),
        matrix.name(),
        encoding,
        Shape.of(rows, columns),
        matrix.data(),
        scales,
        new Layout.Columns(0, rows));
  }

  /**
   * The weight that DequantizeLinear makes of codes.
   *
   * @param outputs the dimension of the codes whose elements become rows
   */
  Tensor dequantized(Node node, Tensor codes, int outputs) {
    Tensor scales = inputs.need(node, 1);
    Optional<Tensor> zeros = inputs.optional(node, 2);
    inputs.use(codes);
    List<Long> dimensions = codes.shape().dimensions();
    boolean isInteger =
        codes.encoding() instanceof IntCodes
            || codes.encoding() == DType.I8
            || codes.encoding() == DType.U8
            || codes.encoding() == DType.U16;
    if (dimensions.size() != 2 || !isInteger || codes.shape().elements() == 0) {
      throw Refusal.unsupported(
          file,
          "node %s: expected a matrix of integers of 4, 8 or 16 bits, found %s %s",
          node.name(),
          codes.encoding().name(),
          codes.shape());
    }
    long rows = dimensions.get(outputs);
    long columns = dimensions.get(1 - outputs);
    long size = node.number("block_size", 0);
    long axis = node.number("axis", 1);
    boolean isBlocked = size != 0;
    boolean isPerTensor = scales.shape().elements() == 1;
    if (isBlocked && (!OnnxInputs.isBlock(size) || columns % size != 0 || axis != 1 - outputs)
        || !isBlocked && !isPerTensor && axis != outputs
        || columns > Integer.MAX_VALUE) {
      throw Refusal.unsupported(
          file,
          "node %s: expected scales for each output or for blocks of its inputs, found axis %d and blocks of %d for %s",
          node.name(),
          axis,
          size,
          codes.shape());
    }
    int group = (int) (isBlocked ? size : columns);
    boolean isSigned =
        codes.encoding() == DType.I8
            || codes.encoding() instanceof IntCodes integers && integers.signed();
    int bits = codes.encoding() instanceof IntCodes ? 4 : Byte.SIZE;
    Encoding encoding =
        codes.encoding() == DType.U16
            ? DType.U16
            : new IntCodes(
                (isSigned ? "INT" : "UINT") + bits + (isBlocked ? "G" + size : ""),
                bits,
                isSigned,
                0);
    Tensor perGroup = spread(node, scales, rows, columns / group, isBlocked, outputs);
    Scales both =
        zeros
            .<Scales>map(zero -> {
              if (!zero.encoding().equals(codes.encoding())) {
                throw Refusal.bad(
                    file,
                    "node %s: expected zero points in %s like the codes, found %s",
                    node.name(),
                    codes.encoding().name(),
                    zero.encoding().name());
              }
              return new GroupZeros(
                  group,
                  perGroup,
                  spread(node, zero, rows, columns / group, isBlocked, outputs),
                  0);
            })
            .orElse(new GroupScales(group, perGroup, null, 0));
    return outputs == 1
        ? transposed(codes, encoding, both)
        : new Tensor(codes.file(), codes.name(), encoding, codes.shape(), codes.data(), both);
  }

  /** Scales or zero points as {@code [rows, groups]}. */
  private Tensor spread(
      Node node, Tensor values, long rows, long groups, boolean isBlocked, int outputs) {
    if (values.encoding() instanceof IntCodes && !isBlocked) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected zero points of 4 bits for blocks only, found them for rows",
          values.name());
    }
    if (values.shape().elements() == 1 && !isBlocked) {
      return new Tensor(
          values.file(),
          values.name(),
          values.encoding(),
          Shape.of(rows, 1),
          values.data(),
          null,
          new Layout.Every(0));
    }
    Shape expected =
        isBlocked ? outputs == 1 ? Shape.of(groups, rows) : Shape.of(rows, groups) : Shape.of(rows);
    if (!values.shape().equals(expected)) {
      throw Refusal.bad(
          file,
          "tensor %s: expected %s, which is what node %s takes, found %s",
          values.name(),
          expected,
          node.name(),
          values.shape());
    }
    if (!isBlocked) {
      return OnnxInputs.reshape(values, values.encoding(), Shape.of(rows, 1));
    }
    if (outputs == 1) {
      return transposed(values, values.encoding(), null);
    }
    if (groups % values.encoding().blockSize() != 0) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected an even number of zero points per row, found %d",
          values.name(),
          groups);
    }
    return values;
  }
}
