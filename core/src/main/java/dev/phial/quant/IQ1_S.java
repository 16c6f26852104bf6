package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.Rounding;

/**
 * 256 elements: half scale, for every 8 elements the low byte of a point number, for every 32 four
 * times three high bits, a three-bit scale and the shift; {@code block_iq1_s}.
 */
final class IQ1_S extends OneBit {
  private static final int SCALE = 0;
  private static final int LOW = 2;
  private static final int HIGH = 34;
  private static final int N = 32;

  IQ1_S() {
    super("IQ1_S", 19, 50, N, 1e-12f);
  }

  @Override
  public boolean needsImportance() {
    return true;
  }

  @Override
  int index(byte[] from, int at, int k) {
    return from[at + LOW + k] & 0xFF | (high(from, at, k) >> k % 4 * 3 & 7) << 8;
  }

  @Override
  float readScale(byte[] from, int at, int k) {
    return LittleEndian.readHalf(from, at + SCALE) * (2 * (high(from, at, k) >> 12 & 7) + 1);
  }

  @Override
  float readShift(byte[] from, int at, int k) {
    return (high(from, at, k) & 0x8000) != 0 ? -SHIFT : SHIFT;
  }

  private static int high(byte[] from, int at, int k) {
    return LittleEndian.readShort(from, at + HIGH + k / 4 * 2);
  }

  /**
   * Every split, shifted up and down. A sum is that of three parts, each the difference of two sums
   * from the lowest element on; the outer parts depend on one border alone.
   */
  @Override
  void split(Search search, int j) {
    float[] sumX = search.sums[0];
    float[] sumW = search.sums[1];
    for (int rank = 0; rank < N; rank++) {
      int i = j * N + search.order[rank];
      sumX[rank + 1] = sumX[rank] + search.w[i] * search.x[i];
      sumW[rank + 1] = sumW[rank] + search.w[i];
    }
    float[] lastUpX = search.sums[2];
    float[] lastUpW = search.sums[3];
    float[] lastDownX = search.sums[4];
    float[] lastDownW = search.sums[5];
    for (int second = 0; second <= N; second++) {
      float restX = sumX[N] - sumX[second];
      float restW = sumW[N] - sumW[second];
      lastUpX[second] = restX * UP[2];
      lastUpW[second] = restW * UP[2] * UP[2];
      lastDownX[second] = restX * DOWN[2];
      lastDownW[second] = restW * DOWN[2] * DOWN[2];
    }
    Split best = search.best;
    for (int first = 0; first <= N; first++) {
      float upX = sumX[first] * UP[0];
      float upW = sumW[first] * UP[0] * UP[0];
      float downX = sumX[first] * DOWN[0];
      float downW = sumW[first] * DOWN[0] * DOWN[0];
      for (int second = first; second <= N; second++) {
        // the middle of DOWN is that of UP with the other sign
        float middleX = (sumX[second] - sumX[first]) * SHIFT;
        float middleW = (sumW[second] - sumW[first]) * SHIFT * SHIFT;
        best.consider(
            upX + middleX + lastUpX[second], upW + middleW + lastUpW[second], first, second, 0);
        best.consider(
            downX - middleX + lastDownX[second],
            downW + middleW + lastDownW[second],
            first,
            second,
            3);
      }
    }
  }

  @Override
  void packPoints(Search search, int j, byte[] to, int at) {
    int high = 0;
    for (int k = 0; k < 4; k++) {
      int index = search.indices[4 * j + k];
      to[at + LOW + 4 * j + k] = (byte) index;
      high |= index >> 8 << 3 * k;
    }
    LittleEndian.putShort(to, at + HIGH + 2 * j, (short) high);
  }

  @Override
  void packScales(Search search, float largest, byte[] to, int at) {
    float scale = largest / 15;
    float inverse = 1 / scale;
    LittleEndian.putHalf(to, at + SCALE, scale * 1.125f);
    for (int j = 0; j < 8; j++) {
      int bits = Rounding.nearest(0.5f * (inverse * search.scales[j] - 1));
      bits = Rounding.clamp(bits, 0, 7) | (search.down[j] & 1) << 3;
      to[at + HIGH + 2 * j + 1] |= (byte) (bits << 4);
    }
  }
}
