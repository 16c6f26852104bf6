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
  final Codebook codebook;

  private static final int NONE = -1;

  /** By packed levels: the number of the point, or the complement of where its list starts. */
  private final int[] entries;

  /** Each list: its length, then packed points. */
  private final char[] lists;

  /**
   * @param distances how many different distances to keep
   */
  Neighbours(Codebook codebook, int distances) {
    this.codebook = codebook;
    int dimensions = codebook.dimensions;
    int size = codebook.size();
    int lastLevel = codebook.levels - 1;
    int last = 0; // the packed point of the highest levels
    for (int i = 0; i < dimensions; i++) {
      last |= lastLevel << codebook.bits * i;
    }
    entries = new int[last + 1];
    Arrays.fill(entries, -1);
    for (int index = 0; index < size; index++) {
      entries[codebook.point(index)] = index;
    }

    byte[][] levels = new byte[dimensions][size];
    for (int i = 0; i < dimensions; i++) {
      for (int index = 0; index < size; index++) {
        levels[i][index] = (byte) codebook.level(codebook.point(index), i);
      }
    }
    int[] distance = new int[size];
    int[] count = new int[dimensions * lastLevel * lastLevel + 1];
    char[] found = new char[1 << 16];
    int used = 0;
    for (int point = 0; point <= last; point++) {
      if (entries[point] >= 0 || !reachable(point)) {
        continue;
      }
      Arrays.fill(distance, 0);
      for (int i = 0; i < dimensions; i++) {
        int level = codebook.level(point, i);
        byte[] others = levels[i];
        for (int index = 0; index < size; index++) {
          int apart = others[index] - level;
          distance[index] += apart * apart;
        }
      }
      Arrays.fill(count, 0);
      for (int index = 0; index < size; index++) {
        count[distance[index]]++;
      }
      int length = 0;
      int farthest = -1;
      for (int kept = 0; kept < distances && farthest < count.length - 1; ) {
        farthest++;
        length += count[farthest];
        kept += count[farthest] > 0 ? 1 : 0;
      }
      if (used + 1 + length > found.length) {
        found = Arrays.copyOf(found, 2 * found.length);
      }
      entries[point] = ~used;
      found[used++] = (char) length;
      for (int d = 0; d <= farthest; d++) {
        for (int index = 0; index < size && count[d] > 0; index++) {
          if (distance[index] == d) {
            found[used++] = (char) codebook.point(index);
            count[d]--;
          }
        }
      }
    }
    lists = Arrays.copyOf(found, used);
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
   * @param errors room for 32 numbers
   */
  int nearest(
      int point, float[] x, float[] w, int at, float[] values, float scale, float[] errors) {
    int dimensions = codebook.dimensions;
    int bits = codebook.bits;
    for (int level = 0; level < values.length; level++) {
      float value = scale * values[level];
      for (int i = 0; i < dimensions; i++) {
        float error = value - x[at + i];
        errors[i << bits | level] = w[at + i] * error * error;
      }
    }
    int list = ~entries[point];
    int end = list + 1 + lists[list];
    int best = dimensions == 8 ? least8(errors, list + 1, end) : least4(errors, list + 1, end);
    if (best == NONE) {
      throw tooLarge();
    }
    return best;
  }

  static PhialException tooLarge() {
    return new PhialException.Unsupported(
        "expected weights of ordinary size, found some so large that their squared errors overflow;"
            + " choose a type without a codebook, or F16");
  }

  private int least8(float[] errors, int from, int end) {
    float least = Float.MAX_VALUE;
    int best = NONE;
    for (int i = from; i < end; i++) {
      int p = lists[i];
      float sum = errors[p & 3];
      sum += errors[4 | p >> 2 & 3];
      sum += errors[8 | p >> 4 & 3];
      sum += errors[12 | p >> 6 & 3];
      sum += errors[16 | p >> 8 & 3];
      sum += errors[20 | p >> 10 & 3];
      sum += errors[24 | p >> 12 & 3];
      sum += errors[28 | p >> 14];
      if (sum < least) {
        least = sum;
        best = p;
      }
    }
    return best;
  }

  private int least4(float[] errors, int from, int end) {
    float least = Float.MAX_VALUE;
    int best = NONE;
    for (int i = from; i < end; i++) {
      int p = lists[i];
      float sum = errors[p & 7];
      sum += errors[8 | p >> 3 & 7];
      sum += errors[16 | p >> 6 & 7];
      sum += errors[24 | p >> 9];
      if (sum < least) {
        least = sum;
        best = p;
      }
    }
    return best;
  }
}
