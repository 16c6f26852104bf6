package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.Rounding;

/**
 * 256 elements: for every 8 the low byte of a point number, for every 8 a nibble of its three high
 * bits and the shift, four shorts of four three-bit scales each; their upper nibbles are the half
 * scale, the lowest first; {@code block_iq1_m}.
 */
final class IQ1_M extends OneBit {
  private static final int LOW = 0;
  private static final int HIGH = 32;
  private static final int SCALES = 48;
  private static final int N = 16;

  /** What an element adds to {@code Σ w·q²} as it falls below a border. */
  private static final float UP_FIRST = UP[0] * UP[0] - UP[1] * UP[1];

  private static final float UP_SECOND = UP[1] * UP[1] - UP[2] * UP[2];
  private static final float DOWN_FIRST = DOWN[0] * DOWN[0] - DOWN[1] * DOWN[1];
  private static final float DOWN_SECOND = DOWN[1] * DOWN[1] - DOWN[2] * DOWN[2];

  IQ1_M() {
    super("IQ1_M", 29, 56, N, 1e-7f);
  }

  @Override
  int index(byte[] from, int at, int k) {
    return from[at + LOW + k] & 0xFF | (high(from, at, k) & 7) << 8;
  }

  @Override
  float readScale(byte[] from, int at, int k) {
    int half = 0;
    for (int i = 0; i < 4; i++) {
      half |= (from[at + SCALES + 2 * i + 1] >> 4 & 0xF) << 4 * i;
    }
    int bits = LittleEndian.readShort(from, at + SCALES + k / 8 * 2) >> k % 8 / 2 * 3 & 7;
    return Float.float16ToFloat((short) half) * (2 * bits + 1);
  }

  @Override
  float readShift(byte[] from, int at, int k) {
    return (high(from, at, k) & 8) != 0 ? -SHIFT : SHIFT;
  }

  private static int high(byte[] from, int at, int k) {
    return from[at + HIGH + k / 2] >> k % 2 * 4;
  }

  /**
   * Every split, each half of the sub-block shifted up or down on its own. As neighbouring levels
   * are one apart, {@code Σ w·q·x} is the sum of all times the highest level less the sums before
   * each border.
   */
  @Override
  void split(Search search, int j) {
    float[] sumX0 = search.sums[0]; // of the first half
    float[] sumX1 = search.sums[1];
    float[] sumW0 = search.sums[2];
    float[] sumW1 = search.sums[3];
    for (int rank = 0; rank < N; rank++) {
      int i = search.order[rank];
      float w = search.w[j * N + i];
      float wx = w * search.x[j * N + i];
      boolean firstHalf = i < N / 2;
      sumX0[rank + 1] = firstHalf ? sumX0[rank] + wx : sumX0[rank];
      sumX1[rank + 1] = firstHalf ? sumX1[rank] : sumX1[rank] + wx;
      sumW0[rank + 1] = firstHalf ? sumW0[rank] + w : sumW0[rank];
      sumW1[rank + 1] = firstHalf ? sumW1[rank] : sumW1[rank] + w;
    }
    float allUpX0 = sumX0[N] * UP[2];
    float allUpX1 = sumX1[N] * UP[2];
    float allDownX0 = sumX0[N] * DOWN[2];
    float allDownX1 = sumX1[N] * DOWN[2];
    Split best = search.best;
    for (int first = 0; first <= N; first++) {
      float fromUpW0 = sumW0[N] * UP[2] * UP[2] + sumW0[first] * UP_FIRST;
      float fromUpW1 = sumW1[N] * UP[2] * UP[2] + sumW1[first] * UP_FIRST;
      float fromDownW0 = sumW0[N] * DOWN[2] * DOWN[2] + sumW0[first] * DOWN_FIRST;
      float fromDownW1 = sumW1[N] * DOWN[2] * DOWN[2] + sumW1[first] * DOWN_FIRST;
      for (int second = first; second <= N; second++) {
        float before0 = sumX0[first] + sumX0[second];
        float before1 = sumX1[first] + sumX1[second];
        float upX0 = allUpX0 - before0;
        float upX1 = allUpX1 - before1;
        float downX0 = allDownX0 - before0;
        float downX1 = allDownX1 - before1;
        float upW0 = fromUpW0 + sumW0[second] * UP_SECOND;
        float upW1 = fromUpW1 + sumW1[second] * UP_SECOND;
        float downW0 = fromDownW0 + sumW0[second] * DOWN_SECOND;
        float downW1 = fromDownW1 + sumW1[second] * DOWN_SECOND;
        best.consider(upX0 + upX1, upW0 + upW1, first, second, 0);
        best.consider(upX0 + downX1, upW0 + downW1, first, second, 1);
        best.consider(downX0 + upX1, downW0 + upW1, first, second, 2);
        best.consider(downX0 + downX1, downW0 + downW1, first, second, 3);
      }
    }
  }

  @Override
  void packPoints(Search search, int j, byte[] to, int at) {
    int a = search.indices[2 * j];
    int b = search.indices[2 * j + 1];
    to[at + LOW + 2 * j] = (byte) a;
    to[at + LOW + 2 * j + 1] = (byte) b;
    to[at + HIGH + j] = (byte) (a >> 8 | b >> 8 << 4);
  }

  /** The scales of the sub-blocks, then the scale of the block that fits best under them. */
  @Override
  void packScales(Search search, float largest, byte[] to, int at) {
    float scale = largest / 15;
    float inverse = 1 / scale;
    float sumQX = 0;
    float sumQ2 = 0;
    for (int j = 0; j < 16; j++) {
      int bits = Rounding.nearest(0.5f * (inverse * search.scales[j] - 1));
      bits = Rounding.clamp(bits, 0, 7);
      int pair = at + SCALES + j / 4 * 2;
      LittleEndian.putShort(
          to, pair, (short) (LittleEndian.readShort(to, pair) | bits << j % 4 * 3));
      to[at + HIGH + j] |= (byte) ((search.down[j] & 2) << 2 | (search.down[j] & 1) << 7);
      for (int k = 0; k < 2; k++) {
        float[] values = search.values(j, k);
        int index = index(to, at, 2 * j + k);
        for (int i = 0; i < 8; i++) {
          float w = search.w[16 * j + 8 * k + i];
          float q = values[level(index, i)] * (2 * bits + 1);
          sumQX += w * q * search.x[16 * j + 8 * k + i];
          sumQ2 += w * q * q;
        }
      }
    }
    if (sumQ2 > 0) {
      scale = sumQX / sumQ2;
    }
    int half = Float.floatToFloat16(scale * 1.1125f);
    for (int i = 0; i < 4; i++) {
      to[at + SCALES + 2 * i + 1] |= (byte) ((half >> 4 * i & 0xF) << 4);
    }
  }
}
