package dev.phial.choose;

import dev.phial.PhialException;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Formats;
import dev.phial.quant.GridBlock;
import dev.phial.quant.GridFormat;
import dev.phial.quant.Recoding;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.Layout;
import dev.phial.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.LongStream;

/**
 * Codes, scales and zero points of the source as they are, in the terms of another format; nothing
 * is rounded.
 */
public final class Kept implements Chooser {
  /** Elements that are looked at at a time. */
  private static final int CHUNK = 1 << 16;

  private static final float SMALLEST_SCALE = 0x1p-24f; // of half precision

  private final Weight weight;
  private final PlannedTensor tensor;
  private final Recoding recoding;
  private final GridFormat format;

  /**
   * @param tensor of a format of integers
   */
  Kept(Weight weight, PlannedTensor tensor, Recoding recoding) {
    this.weight = weight;
    this.tensor = tensor;
    this.recoding = recoding;
    this.format = (GridFormat) tensor.format();
  }

  @Override
  public boolean needsValues() {
    return false;
  }

  @Override
  public byte[] encode(long first, int count, float[] values, int at) {
    CodedRows rows = recoding.apply(weight.readCodes(first, count, recoding.from()), tensor.name());
    byte[] bytes = new byte[Math.toIntExact(count * tensor.rowBytes())];
    GridBlock block = new GridBlock(format.grid());
    int least = (int) format.grid().points().least();
    for (int group = 0; group < rows.groups(); group++) {
      for (int i = 0; i < rows.groupSize(); i++) {
        block.codes[i] = rows.codes()[group * rows.groupSize() + i] - least;
      }
      block.scale = scale(rows, group);
      block.minimum = (float) rows.offsets()[group];
      block.minima[0] = (int) rows.offsets()[group]; // where there are zero points, see Recoding
      format.lay(block, bytes, group * format.blockBytes());
    }
    return bytes;
  }

  /** That of a group, if the format has it: one of zeros is as good as any where there is none. */
  private float scale(CodedRows rows, int group) {
    float scale = rows.scales()[group];
    if (format.takes(scale)) {
      return scale;
    }
    int start = group * rows.groupSize();
    for (int i = start; i < start + rows.groupSize(); i++) {
      if (rows.codes()[i] != 0) {
        throw new PhialException.Unsupported(
            "tensor %s: expected positive scales, of blocks such that are bfloat16 exactly, found %s; choose another target, or quantize anew without --carry"
                .formatted(tensor.name(), scale));
      }
    }
    return SMALLEST_SCALE;
  }

  // --- planning

  /**
   * How the codes of a matrix get there; empty if it has none, and is a matter of numbers.
   *
   * @param parts of the matrix
   * @param to the codings that the format has for codes as they are {@link #seen}, the best first;
   *     not empty
   * @param type of its scales
   * @throws PhialException.Unsupported if none of them takes the codes
   */
  public static Optional<Recoding> of(
      String tensor, List<Weight> parts, Function<Coding, List<Coding>> to, FloatType type) {
    List<Optional<Coding>> codings = parts.stream().map(Weight::coding).distinct().toList();
    if (codings.size() > 1) {
      throw new PhialException.Unsupported(
          "tensor %s: expected parts that are quantized alike, since they become one matrix, found %s; make a source of one type, with --pure say"
              .formatted(
                  tensor,
                  String.join(
                      " and ",
                      parts.stream().map(part -> part.encoding().name()).distinct().toList())));
    }
    Optional<Coding> coding = codings.getFirst();
    return coding.map(from -> recoding(tensor, parts, from, to, type));
  }

  private static Recoding recoding(
      String tensor,
      List<Weight> parts,
      Coding from,
      Function<Coding, List<Coding>> to,
      FloatType type) {
    List<Coding> seen = parts.stream().map(part -> seen(part, from)).distinct().toList();
    Coding common = seen.size() == 1 ? seen.getFirst() : from;
    List<Coding> candidates = to.apply(common);
    return candidates.stream()
        .filter(coding -> Recoding.obstacle(common, coding).isEmpty())
        .findFirst()
        .map(coding -> new Recoding(from, coding, type))
        .orElseThrow(() ->
            new PhialException.Unsupported(
                "tensor %s: %s (%s); choose another target, or quantize anew without --carry"
                    .formatted(
                        tensor,
                        Recoding.obstacle(common, candidates.getFirst()).orElseThrow(),
                        parts.getFirst().encoding().name())));
  }

  /**
   * What the codes of a parameter are in fact: around zero, even where the format could have it
   * otherwise, if all of them are.
   */
  public static Coding seen(Weight weight, Coding coding) {
    if (coding.offset() == Coding.Offset.NONE) {
      return coding;
    }
    long rows = weight.shape().rows();
    long step = Math.max(1, CHUNK / weight.shape().columns());
    boolean isCentered =
        LongStream.range(0, Math.ceilDiv(rows, step))
            .parallel()
            .map(chunk -> chunk * step)
            .allMatch(row ->
                Recoding.isCentered(
                    weight.readCodes(row, (int) Math.min(step, rows - row), coding), coding));
    int middle = 1 << coding.bits() - 1;
    return isCentered
        ? new Coding(coding.groupSize(), -middle, middle - 1, Coding.Offset.NONE)
        : coding;
  }

  /**
   * Codings in 4 or 8 bits: around zero if the codes are that, else with zero points.
   *
   * @param sizes that groups may have, the largest first
   */
  public static List<Coding> integers(Coding from, List<Integer> sizes) {
    int bits = from.bits() <= 4 ? 4 : Byte.SIZE;
    int size = size(from, sizes);
    return List.of(
        from.offset() == Coding.Offset.NONE
            ? new Coding(size, -(1 << bits - 1), (1 << bits - 1) - 1, Coding.Offset.NONE)
            : new Coding(size, 0, (1 << bits) - 1, Coding.Offset.ZERO_POINT));
  }

  /** The largest size into which groups can be cut; the smallest there is if none. */
  public static int size(Coding from, List<Integer> sizes) {
    return sizes.stream()
        .filter(size -> from.groupSize() % size == 0)
        .findFirst()
        .orElse(sizes.getLast());
  }

  /** The smallest type that has the scales of a parameter, and its minima where it has some. */
  public static FloatType type(Weight weight) {
    Tensor tensor = weight.slices().getFirst();
    while (tensor.layout() instanceof Layout.Stack stack) {
      tensor = stack.parts().getFirst();
    }
    return switch (tensor.scales()) {
      case null -> FloatType.F16; // as all of ggml's blocks have it
      case GroupScales groups -> FloatType.nearest(groups.scales().encoding());
      default -> FloatType.F32; // a product of scale and zero point needs more bits than a scale
    };
  }

  /**
   * Refuses to round numbers that are not quantized.
   *
   * @throws PhialException.Unsupported if one would be rounded
   */
  static void checkExact(PlannedTensor tensor, float[] x, int count) {
    Optional<FloatType> type =
        Arrays.stream(FloatType.values())
            .filter(candidate -> Formats.of(candidate) == tensor.format())
            .findFirst();
    if (type.isEmpty() || type.get() == FloatType.F32) {
      return;
    }
    for (int i = 0; i < count; i++) {
      if (type.get().round(x[i]) != x[i]) {
        throw new PhialException.Unsupported(
            "tensor %s: expected numbers that are %s exactly, found %s; choose a type or provider with wider numbers, make a source in which it is quantized like the rest (--pure), or quantize anew without --carry"
                .formatted(tensor.name(), type.get().word(), x[i]));
      }
    }
  }
}
