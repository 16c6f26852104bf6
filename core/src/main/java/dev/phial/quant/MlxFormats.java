package dev.phial.quant;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Every quant type of MLX there is, for each type of the numbers beside it. */
public final class MlxFormats {
  public static final List<Integer> BITS = List.of(2, 3, 4, 5, 6, 8);
  public static final List<Integer> GROUP_SIZES = List.of(32, 64, 128);

  public static final List<MlxFormat> ALL = all();

  private MlxFormats() {}

  private static List<MlxFormat> all() {
    List<MlxFormat> formats = new ArrayList<>();
    for (FloatType number : FloatType.values()) {
      for (int bits : BITS) {
        for (int groupSize : GROUP_SIZES) {
          formats.add(new MlxAffine(bits, groupSize, number));
        }
      }
      formats.add(new MlxMx(MlxElement.E2M1, number));
      formats.add(new MlxMx(MlxElement.E4M3, number));
      formats.add(new MlxNvfp4(number));
    }
    return List.copyOf(formats);
  }

  /** The type that config.json describes so, if there is such a one. */
  public static Optional<MlxFormat> of(String mode, int bits, int groupSize, FloatType number) {
    return ALL.stream()
        .filter(format ->
            format.mode().equals(mode)
                && format.bits() == bits
                && format.blockSize() == groupSize
                && format.number() == number)
        .findFirst();
  }

  /** The type of a mode that has only one. */
  public static Optional<MlxFormat> of(String mode, FloatType number) {
    List<MlxFormat> found =
        ALL.stream()
            .filter(format -> format.mode().equals(mode) && format.number() == number)
            .toList();
    return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
  }
}
