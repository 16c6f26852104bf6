package dev.phial.quant;

import dev.phial.kernel.Rounding;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The IQ2 and IQ3 types: 256 elements in sub-blocks with four-bit scales. The magnitudes of every 8
 * (IQ2) or 4 (IQ3) elements are a point of a codebook, the signs lie apart.
 */
abstract class PointsAndSigns extends GgmlFormat {
  static final int SIZE = 256;

  private final int sub;
  private final float smallest;
  private final int tries;
  private final float delta;
  private final PointSearch.Refit refit;

  /**
   * @param sub elements of a sub-block
   * @param smallest a sub-block with no magnitude from here up becomes zeros
   * @param tries scales tried to each side of the first
   * @param delta how far apart, in units of the lowest level
   */
  PointsAndSigns(
      String name,
      int id,
      int blockBytes,
      int sub,
      float smallest,
      int tries,
      float delta,
      PointSearch.Refit refit) {
    super(name, id, SIZE, blockBytes);
    this.sub = sub;
    this.smallest = smallest;
    this.tries = tries;
    this.delta = delta;
    this.refit = refit;
  }

  abstract Neighbours neighbours();

  /** Whether a reader derives every eighth sign from the seven before it. */
  abstract boolean evenSigns();

  /** What ggml adds to each square under the root of a weight, given the sum of all squares. */
  abstract float sigma2(float sumOfSquares);

  /** Weighs the errors of a sub-block whose importance is not known. */
  void weigh(PointSearch search, float[] x, int from, float sigma2) {
    search.weigh(x, from, 0);
  }

  /**
   * Finds scale and points of a sub-block.
   *
   * @return false to leave it zeros
   */
  boolean search(PointSearch search, float largest) {
    int top = 2 * neighbours().codebook.levels - 1;
    search(search, largest / top, largest);
    return true;
  }

  /** Searches around the scale under which {@code reach} takes the highest level. */
  final void search(PointSearch search, float start, float reach) {
    search.run(start, reach, tries, delta, refit);
  }

  /**
   * Writes the points and signs of sub-block {@code j} into a block of zeros.
   *
   * @param place how many sub-blocks of the block have been written before
   */
  abstract void packPoints(PointSearch search, int j, int place, byte[] to, int at);

  /** Writes the four-bit scale of sub-block {@code j}. */
  abstract void packScale(int bits, int j, byte[] to, int at);

  /** Writes the scale of the block, which a type may stretch a little. */
  abstract void packScale(float scale, byte[] to, int at);

  @Override
  final void encodeBlock(float[] x, int from, byte[] to, int at) {
    throw new AssertionError("blocks are encoded with their scratch");
  }

  @Override
  public final void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    requireImportance(importance);
    PointSearch search = new PointSearch(neighbours(), sub);
    float[] scales = new float[SIZE / sub];
    int blocks = rows * columns / SIZE;
    int perRow = columns / SIZE;
    for (int block = 0; block < blocks; block++) {
      int from = block * SIZE;
      int column = block % perRow * SIZE;
      int blockAt = at + block * blockBytes();
      Arrays.fill(to, blockAt, blockAt + blockBytes(), (byte) 0);
      float sigma2 = sigma2(Tile.sumOfSquares(x, from, SIZE));
      float largest = 0;
      int place = 0;
      for (int j = 0; j < scales.length; j++) {
        int subFrom = from + j * sub;
        if (importance == null) {
          weigh(search, x, subFrom, sigma2);
        } else {
          search.weigh(x, subFrom, importance, column + j * sub, sigma2);
        }
        search.split(x, subFrom, evenSigns());
        float magnitude = search.largest();
        scales[j] = 0;
        if (magnitude < smallest || !search(search, magnitude)) {
          continue;
        }
        packPoints(search, j, place++, to, blockAt);
        scales[j] = search.scale;
        largest = Math.max(largest, scales[j]);
      }
      if (largest == 0) {
        // the reference clears such a block in the types of seven signs and keeps it in the others
        if (evenSigns()) {
          Arrays.fill(to, blockAt, blockAt + blockBytes(), (byte) 0);
        }
        continue;
      }
      float scale = largest / 31;
      float inverse = 1 / scale;
      packScale(scale, to, blockAt);
      for (int j = 0; j < scales.length; j++) {
        int bits = Rounding.nearest(0.5f * (inverse * scales[j] - 1));
        packScale(Rounding.clamp(bits, 0, 15), j, to, blockAt);
      }
    }
  }

  /** Decodes a group of {@code dimensions} elements whose signs are the lowest bits of a byte. */
  static void decodeGroup(
      Codebook codebook, int index, int signs, float scale, float[] to, int toAt) {
    for (int i = 0; i < codebook.dimensions; i++) {
      float value = scale * codebook.value(index, i);
      to[toAt + i] = (signs >> i & 1) != 0 ? -value : value;
    }
  }

  /** All eight signs, given seven: the number of minus signs is even. */
  static int withEighth(int seven) {
    return seven | (Integer.bitCount(seven) & 1) << 7;
  }
}
