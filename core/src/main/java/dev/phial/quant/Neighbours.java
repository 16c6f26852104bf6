package dev.phial.quant;

import dev.phial.PhialException;
import java.util.Arrays;

/**
 * For every combination of levels: the number of the codebook point it is, or else the codebook
 * points around it, as ggml's {@code iq2xs_init_impl} and {@code iq3xs_init_impl} list them. These
 * sort all points by squared distance and then number, and keep the first few distances; the order
 * decides which of two equally good points is taken.
 */
final class Neighbours {
  /** Floats of scratch for {@link #nearest}. */
  static final int ROOM = 128;

  private static final int FIRST_THREE = 64;

  final Codebook codebook;

  /** The key of a sum that is not less than any float: the reference takes no such point. */
  private static final long NOTHING = key(Float.MAX_VALUE, 0);

  /** By packed levels: the number of the point, or the complement of where its list starts. */
  private final int[] entries;

  /** Each list: its length, then packed points. */
  private final char[] lists;

  /**
   * @param shells how many different distances to keep
   */
  Neighbours(Codebook codebook, int shells) {
    this.codebook = codebook;
    int size = codebook.size();
    int last = 0; // the packed point of the highest levels
    for (int i = 0; i < codebook.dimensions; i++) {
      last |= codebook.levels - 1 << codebook.bits * i;
    }
    entries = new int[last + 1];
    Arrays.fill(entries, -1);
    for (int index = 0; index < size; index++) {
      entries[codebook.point(index)] = index;
    }
    char[] growing = new char[1 << 16];
    int used = 0;
    int[] distances = new int[size];
    for (int point = 0; point <= last; point++) {
      if (entries[point] >= 0 || !reachable(point)) {
        continue;
      }
      distances(point, distances);
      int farthest = -1;
      for (int shell = 0; shell < shells; shell++) {
        farthest = nextDistance(distances, farthest);
      }
      if (used + 1 + size > growing.length) {
        growing = Arrays.copyOf(growing, 2 * growing.length);
      }
      int start = used++;
      for (int distance = -1; distance < farthest; ) {
        distance = nextDistance(distances, distance);
        for (int index = 0; index < size; index++) {
          if (distances[index] == distance) {
            growing[used++] = (char) codebook.point(index);
          }
        }
      }
      growing[start] = (char) (used - start - 1);
      entries[point] = ~start;
    }
    lists = Arrays.copyOf(growing, used);
  }

  /** The squared distance of {@code point} from every point of the codebook. */
  private void distances(int point, int[] distances) {
    Arrays.fill(distances, 0);
    for (int i = 0; i < codebook.dimensions; i++) {
      int level = codebook.level(point, i);
      for (int index = 0; index < distances.length; index++) {
        int apart = codebook.level(codebook.point(index), i) - level;
        distances[index] += apart * apart;
      }
    }
  }

  /** The least distance above {@code last}. */
  private static int nextDistance(int[] distances, int last) {
    int next = Integer.MAX_VALUE;
    for (int distance : distances) {
      if (distance > last) {
        next = Math.min(next, distance);
      }
    }
    return next;
  }

  /** Whether every level exists: two bits have room for a fourth that no quantizer rounds to. */
  private boolean reachable(int point) {
    for (int i = 0; i < codebook.dimensions; i++) {
      if (codebook.level(point, i) >= codebook.levels) {
        return false;
      }
    }
    return true;
  }

  /** Whether these levels are a point of the codebook. */
  boolean holds(int point) {
    return entries[point] >= 0;
  }

  /** The number of a point of the codebook. */
  int index(int point) {
    return entries[point];
  }

  /**
   * The neighbour of {@code point} with the least {@code Σ w·(scale·value - x)²}, the first of
   * several. The sum runs in the order of the coordinates, as in {@code iq2_find_best_neighbour},
   * {@code iq3_find_best_neighbour} and {@code iq1_find_best_neighbour2}; where these abort because
   * every sum overflows, this throws.
   *
   * @param at the first coordinate in {@code x} and {@code w}
   * @param values what the levels stand for
   * @param room scratch of {@link #ROOM}
   */
  int nearest(int point, float[] x, float[] w, int at, float[] values, float scale, float[] room) {
    int list = ~entries[point];
    int end = list + 1 + lists[list];
    long least =
        codebook.dimensions == 8
            ? nearest8(list + 1, end, x, w, at, values, scale, room)
            : nearest4(list + 1, end, x, w, at, values, scale, room);
    if (least >= NOTHING) {
      throw tooLarge();
    }
    return lists[(int) least];
  }

  /**
   * Works out the error of every level of every coordinate first, and the sums over the first three
   * coordinates: the lists are long.
   */
  private long nearest8(
      int from, int end, float[] x, float[] w, int at, float[] values, float scale, float[] room) {
    float v0 = scale * values[0];
    float v1 = scale * values[1];
    float v2 = scale * values[2];
    for (int i = 0; i < 8; i++) {
      float d0 = v0 - x[at + i];
      float d1 = v1 - x[at + i];
      float d2 = v2 - x[at + i];
      room[4 * i] = w[at + i] * d0 * d0;
      room[4 * i + 1] = w[at + i] * d1 * d1;
      room[4 * i + 2] = w[at + i] * d2 * d2;
    }
    for (int c = 0; c < 3; c++) {
      for (int b = 0; b < 3; b++) {
        for (int a = 0; a < 3; a++) {
          room[FIRST_THREE | a | b << 2 | c << 4] = room[a] + room[4 | b] + room[8 | c];
        }
      }
    }
    long least = NOTHING;
    for (int i = from; i < end; i++) {
      int p = lists[i];
      float sum =
          room[FIRST_THREE | p & 63]
              + room[12 | p >> 6 & 3]
              + room[16 | p >> 8 & 3]
              + room[20 | p >> 10 & 3]
              + room[24 | p >> 12 & 3]
              + room[28 | p >> 14];
      least = Math.min(least, key(sum, i));
    }
    return least;
  }

  private long nearest4(
      int from, int end, float[] x, float[] w, int at, float[] values, float scale, float[] room) {
    for (int level = 0; level < 8; level++) {
      room[level] = scale * values[level];
    }
    float x0 = x[at];
    float x1 = x[at + 1];
    float x2 = x[at + 2];
    float x3 = x[at + 3];
    float w0 = w[at];
    float w1 = w[at + 1];
    float w2 = w[at + 2];
    float w3 = w[at + 3];
    long least = NOTHING;
    for (int i = from; i < end; i++) {
      int p = lists[i];
      float d0 = room[p & 7] - x0;
      float d1 = room[p >> 3 & 7] - x1;
      float d2 = room[p >> 6 & 7] - x2;
      float d3 = room[p >> 9] - x3;
      float sum = w0 * d0 * d0 + w1 * d1 * d1 + w2 * d2 * d2 + w3 * d3 * d3;
      least = Math.min(least, key(sum, i));
    }
    return least;
  }

  /**
   * Orders by sum and then place without a branch: as no sum is negative, sums compare as their
   * bits do. A NaN of either sign comes last.
   */
  private static long key(float sum, int place) {
    return (Float.floatToRawIntBits(sum) & 0x7FFF_FFFFL) << 32 | place;
  }

  static PhialException tooLarge() {
    return new PhialException.Unsupported(
        "expected weights of ordinary size, found some so large that their squared errors overflow;"
            + " choose a type without a codebook, or F16");
  }
}
