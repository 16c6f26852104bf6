package dev.phial.targets.openvino;

import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.GroupInt;
import dev.phial.quant.NncfScales;
import dev.phial.quant.Recoding;
import dev.phial.quant.method.Nncf;
import dev.phial.tensor.Coding;
import java.util.Optional;

/** How a matrix is stored. */
sealed interface Compression {
  Format format();

  /** As numbers. */
  record Numbers(FloatType type) implements Compression {
    @Override
    public Format format() {
      return Formats.of(type);
    }
  }

  /**
   * In groups along a row that share a scale.
   *
   * @param codes the type of the codes
   * @param scales the type of the scales
   * @param zeros whether there are zero points, of the type of the codes
   * @param size elements of a group
   * @param cutsRows whether a row is several groups; otherwise it is one
   * @param recoding how codes come here as they are, if they do
   */
  record Groups(
      Format format,
      ElementType codes,
      ElementType scales,
      boolean zeros,
      int size,
      boolean cutsRows,
      Optional<Recoding> recoding)
      implements Compression {}

  /**
   * Integers as NNCF chooses them.
   *
   * @param groupSize or -1 for whole rows
   * @param columns of the matrix
   * @param input what the reference holds the matrix in
   */
  static Compression integers(
      int bits, boolean symmetric, int groupSize, int columns, FloatType input) {
    int size = groupSize == -1 ? columns : groupSize;
    return integers(bits, symmetric, size, groupSize != -1, input, Optional.empty());
  }

  /** Codes that come as they are. */
  static Compression kept(Recoding recoding, int columns) {
    Coding to = recoding.to();
    return integers(
        to.bits(),
        to.offset() == Coding.Offset.NONE,
        to.groupSize(),
        to.groupSize() != columns,
        FloatType.F32,
        Optional.of(recoding));
  }

  private static Compression integers(
      int bits,
      boolean symmetric,
      int size,
      boolean cutsRows,
      FloatType input,
      Optional<Recoding> recoding) {
    ElementType codes =
        bits == 8
            ? (symmetric ? ElementType.I8 : ElementType.U8)
            : (symmetric ? ElementType.I4 : ElementType.U4);
    return new Groups(
        new GroupInt(bits, size, FloatType.F16, new Nncf(bits, symmetric), input),
        codes,
        ElementType.F16,
        !symmetric,
        size,
        cutsRows,
        recoding);
  }

  /** Small floating-point numbers as NNCF chooses them. */
  static Compression floats(NncfScales method, int groupSize, int columns, FloatType input) {
    int size = groupSize == -1 ? columns : groupSize;
    ElementType codes =
        switch (method) {
          case NF4 -> ElementType.NF4;
          case MXFP4 -> ElementType.F4E2M1;
          case MXFP8 -> ElementType.F8E4M3;
        };
    ElementType scales = method == NncfScales.NF4 ? ElementType.F16 : ElementType.F8E8M0;
    return new Groups(
        new GroupFloat(size, method, input),
        codes,
        scales,
        false,
        size,
        groupSize != -1,
        Optional.empty());
  }
}
