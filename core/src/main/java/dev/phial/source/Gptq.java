package dev.phial.source;

import dev.phial.io.LittleEndian;
import dev.phial.quant.IntCodes;
import dev.phial.quant.WordCodes;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Layout;
import dev.phial.tensor.Scales;
import dev.phial.tensor.ScatteredGroups;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * Layers as GPTQ's tools pack them: {@code qweight [in · bits / 32, out]}, a word holding codes of
 * one row of the weight; {@code qzeros [groups, out · bits / 32]}; {@code scales [groups, out]};
 * and, maybe, {@code g_idx [in]}, the group of every column. A number is {@code (code - zero) ·
 * scale}. The first version of the format, {@code gptq}, stores zero points less one; {@code
 * gptq_v2} does not ({@code convert_gptq_v2_to_v1_format} of gptqmodel).
 */
final class Gptq implements TorchQuantizer {
  private static final String CODES = ".qweight";
  private static final String ZEROS = ".qzeros";
  private static final String SCALES = ".scales";
  private static final String GROUPS = ".g_idx";

  private static final List<Integer> BITS = List.of(2, 3, 4, 8);

  @Override
  public String method() {
    return "gptq";
  }

  @Override
  public List<String> parts() {
    return List.of(CODES, ZEROS, SCALES, GROUPS);
  }

  @Override
  public boolean isIn(TorchLayer layer) {
    return layer.has(CODES);
  }

  @Override
  public Tensor weight(TorchLayer layer, Config quantization) {
    Tensor codes = layer.matrix(CODES, DType.I32);
    Tensor zeros = layer.matrix(ZEROS, DType.I32);
    Tensor scales = layer.numbers(SCALES);
    long rows = codes.shape().columns();
    long groups = scales.shape().rows();
    long bitsOfRow = codes.shape().rows() * Integer.SIZE;
    Optional<Tensor> order =
        layer.has(GROUPS) ? Optional.of(layer.vector(GROUPS, DType.I32)) : Optional.empty();
    int bits =
        order
            .map(tensor -> TorchLayer.times(tensor, bitsOfRow, tensor.shape().elements()))
            .orElseGet(() -> quantization.count("bits", 4));
    if (!BITS.contains(bits) || bitsOfRow % bits != 0) {
      throw Refusal.unsupported(
          codes.file(), "tensor %s: expected codes of %s bits, found %d", codes.name(), BITS, bits);
    }
    long columns = bitsOfRow / bits;
    TorchLayer.expect(scales, groups, rows);
    TorchLayer.expect(zeros, groups, Math.ceilDiv(rows * bits, Integer.SIZE));
    if (rows * bits % Integer.SIZE != 0) {
      throw Refusal.unsupported(
          zeros.file(),
          "tensor %s: expected zero points that fill whole words, found %d of %d bits",
          zeros.name(),
          rows,
          bits);
    }
    Tensor scale = transposed(scales, scales.encoding(), rows, groups);
    Tensor zero = transposed(zeros, zeroPoints(quantization, zeros, bits), rows, groups);
    int size = Math.toIntExact(Math.ceilDiv(columns, groups));
    Optional<int[]> scattered = order.map(tensor -> groups(tensor, groups));
    boolean isInOrder = scattered.isEmpty() || isInOrder(scattered.get(), size);
    if (isInOrder && columns % groups != 0) {
      throw Refusal.unsupported(
          scales.file(),
          "tensor %s: expected groups that divide the %d columns evenly, found %d groups",
          scales.name(),
          columns,
          groups);
    }
    Scales all =
        isInOrder
            ? new GroupZeros(size, scale, zero, 0)
            : new ScatteredGroups(scattered.orElseThrow(), scale, zero, 0);
    return new Tensor(
        codes.file(),
        codes.name(),
        new IntCodes("GPTQ%dG%d".formatted(bits, size), bits, false, 0),
        Shape.of(rows, columns),
        codes.data(),
        all,
        new Layout.Words(0, rows));
  }

  private static Tensor transposed(Tensor tensor, Encoding encoding, long rows, long columns) {
    long all = tensor.shape().columns() * Integer.SIZE;
    long width = encoding == tensor.encoding() ? rows : all / bits(encoding);
    return new Tensor(
        tensor.file(),
        tensor.name(),
        encoding,
        Shape.of(rows, columns),
        tensor.data(),
        null,
        new Layout.Columns(0, width));
  }

  private static int bits(Encoding encoding) {
    return Byte.SIZE * encoding.blockBytes() / encoding.blockSize();
  }

  private static Encoding zeroPoints(Config quantization, Tensor zeros, int bits) {
    boolean areLessOne = areLessOne(quantization, zeros, bits);
    if (Integer.SIZE % bits != 0) {
      return new IntCodes("UINT" + bits, bits, false, areLessOne ? -1 : 0);
    }
    return new WordCodes(
        "UINT" + bits, bits, WordCodes.Order.PLAIN, areLessOne ? WordCodes.ones(bits) : 0);
  }

  /**
   * Whether zero points are stored less one. Where all of them lie in the middle, the first word
   * tells; else the name of the format.
   */
  private static boolean areLessOne(Config quantization, Tensor zeros, int bits) {
    if (quantization.flag("sym", false) && Integer.SIZE % bits == 0) {
      int middle = WordCodes.ones(bits) << bits - 1;
      byte[] row = new byte[Math.toIntExact(zeros.rowBytes())];
      zeros.copy(0, 1, row, 0);
      int word = LittleEndian.readInt(row, 0);
      if (word == middle || word == middle - WordCodes.ones(bits)) {
        return word != middle;
      }
    }
    String format =
        quantization
            .text("checkpoint_format")
            .or(() -> quantization.text("format"))
            .or(() -> quantization.text("packing_format"))
            .orElse("gptq");
    return !List.of("gptq_v2", "auto_round", "auto_round:gptqmodel").contains(format);
  }

  private static int[] groups(Tensor order, long groups) {
    TorchLayer.checkHeld(order);
    float[] values = new float[(int) order.shape().elements()];
    order.read(0, 1, values, 0);
    int[] result = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = (int) values[i];
      if (result[i] < 0 || result[i] >= groups) {
        throw Refusal.bad(
            order.file(),
            "tensor %s: expected groups from 0 to %d, found %d",
            order.name(),
            groups - 1,
            result[i]);
      }
    }
    return result;
  }

  private static boolean isInOrder(int[] groups, int size) {
    for (int i = 0; i < groups.length; i++) {
      if (groups[i] != i / size) {
        return false;
      }
    }
    return true;
  }
}
