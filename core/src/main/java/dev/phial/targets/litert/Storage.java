package dev.phial.targets.litert;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.graph.Matrix;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Recoding;
import dev.phial.quant.method.AiEdge;
import dev.phial.tensor.Coding;
import java.util.List;
import java.util.Optional;

/** How a matrix is stored. */
sealed interface Storage {
  Format format();

  /** As numbers. */
  record Numbers(FloatType type) implements Storage {
    @Override
    public Format format() {
      return Formats.of(type);
    }

    ElementType element() {
      return type == FloatType.F16 ? ElementType.FLOAT16 : ElementType.FLOAT32;
    }
  }

  /**
   * As integers.
   *
   * @param cutsRows whether a row has several scales
   * @param recoding how codes come here as they are, if they do
   */
  record Integers(GroupInt format, boolean cutsRows, Optional<Recoding> recoding)
      implements Storage {
    ElementType element() {
      return format.bits() == Byte.SIZE ? ElementType.INT8 : ElementType.INT4;
    }
  }

  /** The smallest number in half precision. */
  float LEAST_SCALE = 0x1p-24f;

  /** The sizes of blocks for which there are fast kernels. */
  List<Integer> SIZES = List.of(256, 128, 64, 32);

  /**
   * For a matrix that is quantized here.
   *
   * @param block elements that share a scale with four bits; -1 for a whole row
   * @param isProduct whether it is multiplied with, not only looked up
   * @throws PhialException.Unsupported if its rows do not divide into blocks
   */
  static Storage of(Precision precision, int block, String name, Matrix matrix, boolean isProduct) {
    int columns = Math.toIntExact(matrix.columns());
    return switch (precision) {
      case FP32 -> new Numbers(FloatType.F32);
      case FP16 -> new Numbers(FloatType.F16);
      case INT8, W8A8 -> integers(8, columns, false, LEAST_SCALE, Optional.empty());
      case INT4 -> {
        int size = block == -1 ? columns : block;
        if (columns % size != 0 || columns % 2 != 0) {
          throw new PhialException.Unsupported(
              "tensor %s: expected rows that divide into blocks of %d, found %d columns; choose litert:int8"
                  .formatted(name, size, columns));
        }
        yield integers(4, size, block != -1, isProduct ? LEAST_SCALE : 0, Optional.empty());
      }
    };
  }

  /**
   * For a matrix whose codes come as they are; one without codes stays numbers.
   *
   * @throws PhialException.Unsupported if there is no place for the codes here
   */
  static Storage kept(String name, Matrix matrix) {
    List<Weight> parts = matrix.parts().stream().map(Rows::weight).distinct().toList();
    int columns = Math.toIntExact(matrix.columns());
    boolean cuts =
        parts.getFirst().coding().stream()
            .anyMatch(from -> from.bits() <= 4 && from.groupSize() < columns);
    return Kept.of(
            name,
            parts,
            from -> List.of(coding(from, cuts ? SIZES : List.of(columns))),
            cuts ? FloatType.F16 : FloatType.F32)
        .map(recoding -> {
          Coding to = recoding.to();
          return integers(to.bits(), to.groupSize(), cuts, LEAST_SCALE, Optional.of(recoding));
        })
        .orElse(new Numbers(FloatType.F32));
  }

  private static Coding coding(Coding from, List<Integer> sizes) {
    int middle = from.bits() <= 4 ? 8 : 128;
    return new Coding(Kept.size(from, sizes), -middle, middle - 1, Coding.Offset.NONE);
  }

  private static Storage integers(
      int bits, int size, boolean cuts, float leastScale, Optional<Recoding> recoding) {
    FloatType scales = cuts ? FloatType.F16 : FloatType.F32;
    AiEdge method = new AiEdge(bits, cuts, leastScale);
    return new Integers(new GroupInt(bits, size, scales, method), cuts, recoding);
  }
}
