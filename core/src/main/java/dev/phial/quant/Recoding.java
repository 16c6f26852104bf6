package dev.phial.quant;

import dev.phial.PhialException;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.Coding.Offset;
import java.util.Optional;

/**
 * Integers in the terms of another format: codes may be shifted by one number for all, and groups
 * cut into smaller ones that share a scale; nothing is rounded.
 *
 * @param type in which the other format keeps scales and offsets
 */
public record Recoding(Coding from, Coding to, FloatType type) {
  /**
   * Why no codes like {@code from} could become such like {@code to}: what was expected and found.
   *
   * @param from what the codes are in fact: around zero also where their format says it otherwise
   */
  public static Optional<String> obstacle(Coding from, Coding to) {
    if (from.groupSize() % to.groupSize() != 0) {
      return Optional.of(
          "expected scales for groups of %d or multiples, found groups of %d"
              .formatted(to.groupSize(), from.groupSize()));
    }
    if (to.offset() != Offset.NONE) {
      return from.bits() <= to.bits()
          ? Optional.empty()
          : Optional.of(
              "expected codes of %d bits, found %d bits".formatted(to.bits(), from.bits()));
    }
    if (from.offset() != Offset.NONE) {
      return Optional.of("expected codes around zero, found zero points or minima");
    }
    return from.least() >= to.least() && from.most() <= to.most()
        ? Optional.empty()
        : Optional.of(
            "expected codes from %d to %d, found %d to %d"
                .formatted(to.least(), to.most(), from.least(), from.most()));
  }

  /** What is added to every code. Those without zero points lie around zero. */
  private static int shift(Coding from, Coding to) {
    if (to.offset() != Offset.NONE) {
      return to.least() - from.least();
    }
    return from.offset() == Offset.NONE ? 0 : -(1 << from.bits() - 1) - from.least();
  }

  /**
   * Codes in the range of {@link #to}. Where that has zero points, offsets are these.
   *
   * @param rows of the coding {@link #from}; their codes are changed
   * @param tensor for messages
   * @throws PhialException.Unsupported if a scale, an offset or a zero point cannot be told exactly
   */
  public CodedRows apply(CodedRows rows, String tensor) {
    CodedRows result = rows.regrouped(to.groupSize());
    int shift = shift(from, to);
    for (int i = 0; shift != 0 && i < result.codes().length; i++) {
      result.codes()[i] += (short) shift;
    }
    for (int group = 0; group < result.groups(); group++) {
      float scale = result.scales()[group];
      if (type.round(scale) != scale || Math.abs(scale) > type.largest()) {
        throw new PhialException.Unsupported(
            "tensor %s: expected scales that are %s numbers exactly, found %s; choose a type or provider with wider scales, or quantize anew without --carry"
                .formatted(tensor, type.word(), scale));
      }
      // with integers this small nothing is rounded in double precision
      double offset = result.offsets()[group] - (double) scale * shift;
      result.offsets()[group] =
          switch (to.offset()) {
            case NONE -> none(offset, scale, tensor);
            case ZERO_POINT -> zero(offset, scale, tensor);
            case NUMBER -> number(offset, tensor);
          };
    }
    return result;
  }

  private static double none(double offset, float scale, String tensor) {
    if (offset != 0) {
      throw new PhialException.Unsupported(
          "tensor %s: expected codes around zero, found zero points or minima (scale %s, offset %s); choose another target, or quantize anew without --carry"
              .formatted(tensor, scale, offset));
    }
    return 0;
  }

  /** Whether codes with offsets lie around zero all the same, in the middle of their range. */
  public static boolean isCentered(CodedRows rows, Coding coding) {
    int middle = coding.least() + (1 << coding.bits() - 1);
    for (int group = 0; group < rows.groups(); group++) {
      if (rows.offsets()[group] != 0 - (double) rows.scales()[group] * middle) {
        return false;
      }
    }
    return true;
  }

  private double zero(double offset, float scale, String tensor) {
    double zero = offset == 0 ? 0 : Math.rint(-offset / scale);
    if (zero < to.least() || zero > to.most() || -zero * scale != offset) {
      throw new PhialException.Unsupported(
          "tensor %s: expected minima that are multiples of the scale, since zero points are codes, found scale %s and minimum %s; quantize anew without --carry"
              .formatted(tensor, scale, offset));
    }
    return zero;
  }

  private double number(double offset, String tensor) {
    if (type.round((float) offset) != offset || Math.abs(offset) > type.largest()) {
      throw new PhialException.Unsupported(
          "tensor %s: expected minima that are %s numbers exactly, found %s; choose a type with wider numbers, or quantize anew without --carry"
              .formatted(tensor, type.word(), offset));
    }
    return offset;
  }
}
