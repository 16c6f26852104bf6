package dev.phial.targets.onnx;

import com.google.protobuf.UnsafeByteOperations;
import dev.phial.PhialException;
import dev.phial.io.LittleEndian;
import dev.phial.model.BlockAttention;
import dev.phial.model.Hyperparameters;
import java.util.Arrays;
import java.util.List;
import onnx.Onnx.TensorProto;

/**
 * Which blocks of tokens each head attends to, as SparseAttention reads it: of every block where
 * its list begins, {@code [heads, blocks + 1]}, and the lists one after the other, {@code [heads,
 * longest]}, with -1 behind those of heads that have fewer. They lie in the graph, since ONNX
 * Runtime before 1.31 does not look for them elsewhere.
 */
final class BlockTables {
  static final String ROWS = "block_row_indices";
  static final String COLUMNS = "block_col_indices";

  /** The block sizes that SparseAttention has kernels for. */
  private static final List<Integer> SIZES = List.of(16, 32, 64, 128);

  /** Tables of a model that was trained stay far below; a graph may not be larger than 2 GiB. */
  private static final long LARGEST = 1L << 30;

  private BlockTables() {}

  /**
   * Both, rows first.
   *
   * @throws PhialException.Unsupported if there are no kernels for such blocks
   */
  static List<TensorProto> of(Hyperparameters h, BlockAttention small) {
    int blocks = Math.ceilDiv(h.context(), small.blockSize());
    long most = (long) blocks * (blocks + 1) / 2 * h.attention().heads() * Integer.BYTES;
    if (!SIZES.contains(small.blockSize()) || most > LARGEST) {
      throw new PhialException.Unsupported(
          "config.json: expected attention to blocks of 16, 32, 64 or 128 tokens whose tables fit a graph, found a context of %d tokens in blocks of %d"
              .formatted(h.context(), small.blockSize()));
    }
    int[][] rows = new int[h.attention().heads()][blocks + 1];
    int[][] columns = new int[h.attention().heads()][];
    for (int head = 0; head < h.attention().heads(); head++) {
      int[] list = new int[blocks * (blocks + 1) / 2];
      int count = 0;
      for (int from = 0; from < blocks; from++) {
        for (int to = 0; to <= from; to++) {
          if (small.attends(head, h.attention().heads(), from, to)) {
            list[count++] = to;
          }
        }
        rows[head][from + 1] = count;
      }
      columns[head] = Arrays.copyOf(list, count);
    }
    int longest = Arrays.stream(columns).mapToInt(list -> list.length).max().orElse(0);
    return List.of(table(ROWS, rows, blocks + 1), table(COLUMNS, columns, longest));
  }

  private static TensorProto table(String name, int[][] lists, int width) {
    byte[] bytes = new byte[lists.length * width * Integer.BYTES];
    Arrays.fill(bytes, (byte) -1);
    for (int head = 0; head < lists.length; head++) {
      for (int i = 0; i < lists[head].length; i++) {
        LittleEndian.putInt(bytes, (head * width + i) * Integer.BYTES, lists[head][i]);
      }
    }
    return Nodes.tensor(
        name,
        OnnxType.INT32,
        List.of((long) lists.length, (long) width),
        UnsafeByteOperations.unsafeWrap(bytes));
  }
}
