package dev.phial.quant;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * IQ1_S and IQ1_M: 256 elements in sub-blocks with three-bit scales. Every 8 elements are a point
 * of a codebook of -1, 0 and 1, shifted up or down by {@link #SHIFT}.
 */
abstract class OneBit extends GgmlFormat {
  static final int SIZE = 256;
  static final float SHIFT = 0.125f;

  /** What the levels stand for when shifted up. */
  static final float[] UP = {-1 + SHIFT, SHIFT, 1 + SHIFT};

  /** And when shifted down. */
  static final float[] DOWN = {-1 - SHIFT, -SHIFT, 1 - SHIFT};

  private final int sub;
  private final float smallest;

  /**
   * @param sub elements of a sub-block
   * @param smallest a sub-block with no magnitude from here up is passed over
   */
  OneBit(String name, int id, int blockBytes, int sub, float smallest) {
    super(name, id, SIZE, blockBytes);
    this.sub = sub;
    this.smallest = smallest;
  }

  private static final class Points {
    static final Codebook CODEBOOK = Codebook.read("IQ1_S", 8, -1, 0, 1);
  }

  private static final class Around {
    static final Neighbours NEIGHBOURS = new Neighbours(Points.CODEBOOK, 3);
  }

  /** The level of element {@code i} at the point of this number. */
  static int level(int index, int i) {
    return Points.CODEBOOK.level(Points.CODEBOOK.point(index), i);
  }

  /** A super-block, its weights, and what the search of a sub-block needs and finds. */
  final class Search {
    final float[] x = new float[SIZE];
    final float[] w = new float[SIZE];
    final int[] order = new int[sub]; // of the elements of a sub-block, ascending
    final int[] indices = new int[SIZE / 8]; // numbers of the points
    final float[] scales = new float[SIZE / sub];
    final int[] down = new int[SIZE / sub]; // bit 1 shifts the first half down, bit 0 the second
    final float[][] sums = new float[6][sub + 1]; // scratch of split
    final Split best = new Split();
    private final int[] levels = new int[sub];
    private final float[] room = new float[Neighbours.ROOM];

    /** What the levels of group {@code k} of sub-block {@code j} stand for. */
    float[] values(int j, int k) {
      return (down[j] >> (k < sub / 16 ? 1 : 0) & 1) == 0 ? UP : DOWN;
    }
  }

  /**
   * Finds the split of the ordered elements into three levels, with the scale and the shifts, that
   * is least wrong, into {@code search.best}.
   */
  abstract void split(Search search, int j);

  /** Writes the points of sub-block {@code j} into a block of zeros. */
  abstract void packPoints(Search search, int j, byte[] to, int at);

  /** Writes scales and shifts; {@code largest} is the largest scale. */
  abstract void packScales(Search search, float largest, byte[] to, int at);

  @Override
  final void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    for (int k = 0; k < SIZE / 8; k++) {
      int index = index(from, at, k);
      float scale = readScale(from, at, k);
      float shift = readShift(from, at, k);
      for (int i = 0; i < 8; i++) {
        to[toAt + 8 * k + i] = scale * (Points.CODEBOOK.value(index, i) + shift);
      }
    }
  }

  /** The number of the point of group {@code k}. */
  abstract int index(byte[] from, int at, int k);

  /** The scale a reader sees for group {@code k}. */
  abstract float readScale(byte[] from, int at, int k);

  /** The shift of group {@code k}. */
  abstract float readShift(byte[] from, int at, int k);

  @Override
  final void encodeBlock(float[] x, int from, byte[] to, int at) {
    throw new AssertionError("blocks are encoded with their scratch");
  }

  @Override
  public final void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    requireImportance(importance);
    Search search = new Search();
    int blocks = rows * columns / SIZE;
    int perRow = columns / SIZE;
    for (int block = 0; block < blocks; block++) {
      int blockAt = at + block * blockBytes();
      System.arraycopy(x, block * SIZE, search.x, 0, SIZE);
      weigh(search, importance, block % perRow * SIZE);
      Arrays.fill(to, blockAt, blockAt + blockBytes(), (byte) 0);
      float largest = 0;
      for (int j = 0; j < search.scales.length; j++) {
        search.scales[j] = 0;
        search.down[j] = 0;
        if (search(search, j)) {
          packPoints(search, j, to, blockAt);
          largest = Math.max(largest, search.scales[j]);
        }
      }
      if (largest > 0) {
        packScales(search, largest, to, blockAt);
      }
    }
  }

  /** {@code w = importance · √(2·mean square + x²)}, or x². */
  private static void weigh(Search search, float @Nullable [] importance, int column) {
    float sigma2 = 2 * Tile.sumOfSquares(search.x, 0, SIZE) / SIZE;
    for (int i = 0; i < SIZE; i++) {
      float square = search.x[i] * search.x[i];
      search.w[i] =
          importance == null ? square : importance[column + i] * (float) Math.sqrt(sigma2 + square);
    }
  }

  /**
   * Finds scale, shifts and points of sub-block {@code j}, as {@code quantize_row_iq1_s_impl} and
   * {@code quantize_row_iq1_m_impl} do.
   *
   * @return false to leave it as it is
   */
  private boolean search(Search search, int j) {
    int at = j * sub;
    float magnitude = 0;
    for (int i = at; i < at + sub; i++) {
      magnitude = Math.max(magnitude, Math.abs(search.x[i]));
    }
    if (magnitude < smallest) {
      return false;
    }
    sort(search.x, at, search.order);
    Split best = search.best;
    best.reset();
    split(search, j);
    if (!best.found) {
      return false;
    }
    float scale = best.scale;
    boolean mirrored = scale < 0;
    if (mirrored) {
      scale = -scale;
      best.down ^= 3;
    }
    search.down[j] = best.down;
    for (int rank = 0; rank < sub; rank++) {
      int level = rank < best.first ? 0 : rank < best.second ? 1 : 2;
      search.levels[search.order[rank]] = mirrored ? 2 - level : level;
    }
    search.scales[j] = place(search, j, scale);
    if (Float.isNaN(search.scales[j])) {
      throw Neighbours.tooLarge();
    }
    return true;
  }

  /** Moves every group to a point of the codebook; returns the scale that then fits best. */
  private float place(Search search, int j, float scale) {
    Neighbours neighbours = Around.NEIGHBOURS;
    boolean moved = false;
    int at = j * sub;
    for (int k = 0; k < sub / 8; k++) {
      int point = 0;
      for (int i = 0; i < 8; i++) {
        point |= search.levels[8 * k + i] << 2 * i;
      }
      if (!neighbours.holds(point)) {
        moved = true;
        point =
            neighbours.nearest(
                point, search.x, search.w, at + 8 * k, search.values(j, k), scale, search.room);
      }
      search.indices[at / 8 + k] = neighbours.index(point);
    }
    if (!moved) {
      return scale;
    }
    float sumQX = 0;
    float sumQ2 = 0;
    for (int k = 0; k < sub / 8; k++) {
      float[] values = search.values(j, k);
      int point = Points.CODEBOOK.point(search.indices[at / 8 + k]);
      for (int i = 0; i < 8; i++) {
        float w = search.w[at + 8 * k + i];
        float q = values[point >> 2 * i & 3];
        sumQX += w * q * search.x[at + 8 * k + i];
        sumQ2 += w * q * q;
      }
    }
    return sumQX > 0 && sumQ2 > 0 ? sumQX / sumQ2 : scale;
  }

  /**
   * Orders the elements by value, equal ones by place, as the stable {@code qsort} of glibc leaves
   * them.
   */
  private static void sort(float[] x, int at, int[] order) {
    for (int i = 0; i < order.length; i++) {
      float value = x[at + i];
      int rank = i;
      while (rank > 0 && x[at + order[rank - 1]] > value) {
        order[rank] = order[rank - 1];
        rank--;
      }
      order[rank] = i;
    }
  }
}
