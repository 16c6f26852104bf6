package dev.phial.quant;

import static dev.phial.kernel.Kernels.LANES;

import dev.phial.kernel.Rounding;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The K-quants: 256 elements in sub-blocks whose own scales are quantized too. Several super-blocks
 * share a tile, one sub-block a lane.
 */
abstract class SuperBlock extends GgmlFormat implements GridFormat {
  static final int SIZE = 256;

  /** Elements of a sub-block. */
  private final int sub;

  SuperBlock(String name, int id, int blockBytes, int sub) {
    super(name, id, SIZE, blockBytes);
    this.sub = sub;
  }

  /** Sub-blocks of a super-block. */
  final int subBlocks() {
    return SIZE / sub;
  }

  /** Finds scales, minima and levels of every lane without importance. */
  abstract void search(Tile tile);

  /**
   * Searches scales, weighing by importance; the tile holds it, and each lane's {@link #sigma2}.
   */
  abstract void searchWithImportance(Tile tile);

  /**
   * What ggml adds to each square under the root of a weight, given the sum of the super-block's
   * squares.
   */
  abstract float sigma2(float sumOfSquares);

  /**
   * Quantizes the scales of the super-block whose sub-blocks start at lane {@code first} and writes
   * them; leaves in the tile the scales and minima a reader will see.
   */
  abstract void packScales(Tile tile, int first, boolean importance, byte[] to, int at);

  /** Settles the levels under the scales a reader will see. */
  abstract void quantize(Tile tile);

  /** Writes the levels of one super-block. */
  abstract void packLevels(Levels levels, int first, byte[] to, int at);

  /** Writes the whole numbers of the sub-blocks, and the numbers they are multiplied by. */
  abstract void layScales(float scale, float min, int[] scales, int[] mins, byte[] to, int at);

  @Override
  public final void lay(GridBlock block, byte[] to, int at) {
    layScales(block.scale, block.minimum, block.scales, block.minima, to, at);
    packLevels(block, 0, to, at);
  }

  @Override
  final void encodeBlock(float[] x, int from, byte[] to, int at) {
    throw new AssertionError("super-blocks are encoded by the tile");
  }

  @Override
  public final void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    Tile tile = new Tile(sub);
    int total = rows * columns / SIZE;
    int perRow = columns / SIZE;
    int perTile = LANES / subBlocks();
    for (int block = 0; block < total; block += perTile) {
      int blocks = Math.min(perTile, total - block);
      tile.load(x, block * SIZE, blocks * subBlocks());
      if (importance == null) {
        search(tile);
      } else {
        for (int i = 0; i < blocks; i++) {
          int lane = i * subBlocks();
          float sigma2 = sigma2(Tile.sumOfSquares(x, (block + i) * SIZE, SIZE));
          Arrays.fill(tile.sigma2, lane, lane + subBlocks(), sigma2);
          tile.loadImportance(importance, (block + i) % perRow * SIZE, lane, subBlocks());
        }
        searchWithImportance(tile);
      }
      for (int i = 0; i < blocks; i++) {
        packScales(tile, i * subBlocks(), importance != null, to, at + (block + i) * blockBytes());
      }
      quantize(tile);
      for (int i = 0; i < blocks; i++) {
        packLevels(tile, i * subBlocks(), to, at + (block + i) * blockBytes());
      }
    }
  }

  /**
   * The scale that makes {@code scale · level} with levels {@code 0..max} least wrong for
   * non-negative {@code x}: ggml's {@code make_qp_quants}.
   *
   * @param from the first of {@code levels.length} elements of {@code x} and {@code w}
   */
  static float searchPositive(float[] x, float[] w, int from, int max, int[] levels) {
    int n = levels.length;
    float largest = 0;
    for (int i = 0; i < n; i++) {
      if (x[from + i] > largest) {
        largest = x[from + i];
      }
    }
    if (largest < 1e-15f) {
      Arrays.fill(levels, 0);
      return 0;
    }
    float inverse = max / largest;
    float scale = 1 / inverse;
    float bestError = 0;
    for (int i = 0; i < n; i++) {
      float error = x[from + i] - scale * (Rounding.nearest(inverse * x[from + i]) & 0xFF);
      bestError += w[from + i] * error * error;
    }
    for (int step = -4; step <= 4; step++) {
      if (step == 0) {
        continue;
      }
      float newInverse = (0.1f * step + max) / largest;
      float newScale = 1 / newInverse;
      float newError = 0;
      for (int i = 0; i < n; i++) {
        int level = Math.min(max, Rounding.nearest(newInverse * x[from + i]));
        float error = x[from + i] - newScale * level;
        newError += w[from + i] * error * error;
      }
      if (newError < bestError) {
        bestError = newError;
        inverse = newInverse;
      }
    }
    float sumLX = 0;
    float sumL2 = 0;
    for (int i = 0; i < n; i++) {
      int level = Math.min(max, Rounding.nearest(inverse * x[from + i]));
      levels[i] = level & 0xFF;
      sumLX += w[from + i] * x[from + i] * level;
      sumL2 += w[from + i] * level * level;
    }
    for (int pass = 0; pass < 5; pass++) {
      boolean changed = false;
      for (int i = 0; i < n; i++) {
        float wx = w[from + i] * x[from + i];
        float restLX = sumLX - wx * levels[i];
        float restL2 = sumL2 - w[from + i] * levels[i] * levels[i];
        if (!(restLX > 0 && restL2 > 0)) {
          continue;
        }
        int level = Math.min(max, Rounding.nearest(x[from + i] * restL2 / restLX));
        if (level == levels[i]) {
          continue;
        }
        restLX += wx * level;
        restL2 += w[from + i] * level * level;
        if (restLX * restLX * sumL2 > sumLX * sumLX * restL2) {
          levels[i] = level & 0xFF;
          sumLX = restLX;
          sumL2 = restL2;
          changed = true;
        }
      }
      if (!changed) {
        break;
      }
    }
    return sumL2 > 0 ? sumLX / sumL2 : 0;
  }

  /** The largest of a super-block's values, or 0. */
  final float largest(float[] values, int first) {
    float largest = 0;
    for (int lane = first; lane < first + subBlocks(); lane++) {
      if (values[lane] > largest) {
        largest = values[lane];
      }
    }
    return largest;
  }

  /** The value of largest magnitude among a super-block's, the first of several. */
  final float extreme(float[] values, int first) {
    float magnitude = 0;
    float extreme = 0;
    for (int lane = first; lane < first + subBlocks(); lane++) {
      if (Math.abs(values[lane]) > magnitude) {
        magnitude = Math.abs(values[lane]);
        extreme = values[lane];
      }
    }
    return extreme;
  }

  /**
   * Two bits a level in 64 bytes, as Q2_K and Q3_K lay them: each 128 elements in 32 bytes, 32
   * elements apart.
   */
  static void packTwoBits(Levels levels, int first, byte[] to, int at) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 32; i++) {
        int lane = first + half * 8 + i / 16;
        int l = i % 16;
        to[at + half * 32 + i] =
            (byte)
                (levels.level(lane, l) & 3
                    | (levels.level(lane + 2, l) & 3) << 2
                    | (levels.level(lane + 4, l) & 3) << 4
                    | (levels.level(lane + 6, l) & 3) << 6);
      }
    }
  }
}
