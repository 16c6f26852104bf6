package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.WIDTH;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShuffle;

/** {@link CodeKernel} with the Vector API. */
abstract class Codes implements CodeKernel {
  /** Bits of a byte that are turned before it is read. */
  final int flip;

  Codes(int flip) {
    this.flip = flip;
  }

  /** {@code Σ a[i] · b[i]}; there are few. */
  private static float dot(float[] a, float[] b, int n) {
    FloatVector sum = FloatVector.zero(F);
    int i = 0;
    for (; i <= n - WIDTH; i += WIDTH) {
      sum = Lanes.load(a, i).fma(Lanes.load(b, i), sum);
    }
    float rest = Sums.of(sum);
    for (; i < n; i++) {
      rest += a[i] * b[i];
    }
    return rest;
  }

  /** Two to a byte. */
  static final class Nibbles extends Codes {
    Nibbles(int flip) {
      super(flip);
    }

    private static final VectorShuffle<Float> FIRST = VectorShuffle.makeZip(F, 0);
    private static final VectorShuffle<Float> SECOND = VectorShuffle.makeZip(F, 1);

    @Override
    public boolean takes(int size) {
      return size % (2 * WIDTH) == 0;
    }

    @Override
    public void decode(byte[] codes, int from, int count, int least, float[] to, int at) {
      int i = 0;
      for (; i <= count - 2 * WIDTH; i += 2 * WIDTH) {
        IntVector pairs = Lanes.bytes(codes, from + i / 2).lanewise(XOR, flip);
        FloatVector even = Lanes.floats(pairs.and(15).add(least));
        FloatVector odd = Lanes.floats(pairs.lanewise(LSHR, 4).add(least));
        even.rearrange(FIRST, odd).intoArray(to, at + i);
        even.rearrange(SECOND, odd).intoArray(to, at + i + WIDTH);
      }
      for (; i < count; i += 2) {
        int pair = (codes[from + i / 2] & 0xFF) ^ flip;
        to[at + i] = (pair & 15) + least;
        to[at + i + 1] = (pair >> 4) + least;
      }
    }

    /** Even elements, then odd ones. */
    @Override
    public float[] arrange(float[] x, int at, int columns) {
      float[] arranged = new float[columns];
      for (int i = 0; i < columns / 2; i++) {
        arranged[i] = x[at + 2 * i];
        arranged[columns / 2 + i] = x[at + 2 * i + 1];
      }
      return arranged;
    }

    @Override
    public float multiply(
        byte[] codes,
        int from,
        int size,
        float[] scales,
        float[] addends,
        float[] x,
        float[] sums) {
      int bytes = size / 2;
      int half = x.length / 2;
      FloatVector sum = FloatVector.zero(F);
      for (int group = 0; group < sums.length; group++) {
        FloatVector part = FloatVector.zero(F);
        for (int i = group * bytes; i < (group + 1) * bytes; i += WIDTH) {
          IntVector pairs = Lanes.bytes(codes, from + i).lanewise(XOR, flip);
          part = Lanes.floats(pairs.and(15)).fma(Lanes.load(x, i), part);
          part = Lanes.floats(pairs.lanewise(LSHR, 4)).fma(Lanes.load(x, half + i), part);
        }
        sum = part.fma(Lanes.all(scales[group]), sum);
      }
      return Sums.of(sum) + dot(addends, sums, sums.length);
    }
  }

  /** A byte each. */
  static final class Bytes extends Codes {
    Bytes(int flip) {
      super(flip);
    }

    @Override
    public boolean takes(int size) {
      return size % WIDTH == 0;
    }

    @Override
    public void decode(byte[] codes, int from, int count, int least, float[] to, int at) {
      int i = 0;
      for (; i <= count - WIDTH; i += WIDTH) {
        Lanes.floats(Lanes.bytes(codes, from + i).lanewise(XOR, flip).add(least))
            .intoArray(to, at + i);
      }
      for (; i < count; i++) {
        to[at + i] = ((codes[from + i] & 0xFF) ^ flip) + least;
      }
    }

    @Override
    public float[] arrange(float[] x, int at, int columns) {
      return java.util.Arrays.copyOfRange(x, at, at + columns);
    }

    @Override
    public float multiply(
        byte[] codes,
        int from,
        int size,
        float[] scales,
        float[] addends,
        float[] x,
        float[] sums) {
      FloatVector sum = FloatVector.zero(F);
      for (int group = 0; group < sums.length; group++) {
        FloatVector part = FloatVector.zero(F);
        for (int i = group * size; i < (group + 1) * size; i += WIDTH) {
          IntVector levels = Lanes.bytes(codes, from + i).lanewise(XOR, flip);
          part = Lanes.floats(levels).fma(Lanes.load(x, i), part);
        }
        sum = part.fma(Lanes.all(scales[group]), sum);
      }
      return Sums.of(sum) + dot(addends, sums, sums.length);
    }
  }
}
