package dev.phial.kernel;

import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.F2I;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.MIN;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.SQRT;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link ScalarKernels} with the Vector API, one sub-block per lane. One source serves every
 * register width: a tile is walked in groups of as many lanes as a register holds.
 *
 * <p>Levels are rounded as ggml does, by adding {@link Rounding#MAGIC}, and clamped while they are
 * still in that form, where the order of the bits is the order of the numbers: two integer
 * operations instead of four. That holds for arguments below 2²²; the searches that could meet
 * larger ones notice and leave the lane to the scalar definition.
 */
final class VectorKernels implements Kernels {
  static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  static final VectorSpecies<Integer> I = VectorConstants.INT;
  static final int WIDTH = F.length();
  private static final VectorSpecies<Short> SHORTS =
      ShortVector.SPECIES_64.withShape(VectorShape.forBitSize(Short.SIZE * WIDTH));
  private static final ScalarKernels SCALAR = new ScalarKernels();

  static final float MAGIC = Rounding.MAGIC;
  static final int MAGIC_BITS = Float.floatToRawIntBits(MAGIC);

  /** Below this, {@link Rounding#nearest} keeps its promise. */
  static final float ROUNDABLE = 4194303f;

  @Override
  public String describe() {
    return "vector " + F.vectorBitSize() + " bit";
  }

  @Override
  public int firstNonFinite(float[] x, int from, int to) {
    int i = from;
    for (; i + WIDTH <= to; i += WIDTH) {
      IntVector magnitude = FloatVector.fromArray(F, x, i).reinterpretAsInts().and(0x7FFFFFFF);
      if (magnitude.compare(GE, 0x7F800000).anyTrue()) {
        break;
      }
    }
    for (; i < to; i++) {
      if (!Float.isFinite(x[i])) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public float extreme(float[] x, int from, int n) {
    if (n % WIDTH != 0) {
      return SCALAR.extreme(x, from, n);
    }
    // as integers, which need no care for NaN and signed zeros
    IntVector magnitude = IntVector.zero(I);
    for (int i = from; i < from + n; i += WIDTH) {
      magnitude = magnitude.max(magnitudeBits(x, i));
    }
    int largest = magnitude.reduceLanes(MAX);
    for (int i = from; largest != 0 && i < from + n; i += WIDTH) {
      VectorMask<Integer> found = magnitudeBits(x, i).compare(EQ, largest);
      if (found.anyTrue()) {
        return x[i + found.firstTrue()];
      }
    }
    return 0;
  }

  private static IntVector magnitudeBits(float[] x, int at) {
    return FloatVector.fromArray(F, x, at).reinterpretAsInts().and(0x7FFFFFFF);
  }

  @Override
  public float smallest32(float[] x, int from) {
    IntVector smallest = ordered(x, from);
    for (int i = WIDTH; i < 32; i += WIDTH) {
      smallest = smallest.min(ordered(x, from + i));
    }
    float found = disordered(smallest.reduceLanes(MIN));
    return found == 0 ? SCALAR.smallest32(x, from) : found;
  }

  @Override
  public float largest32(float[] x, int from) {
    IntVector largest = ordered(x, from);
    for (int i = WIDTH; i < 32; i += WIDTH) {
      largest = largest.max(ordered(x, from + i));
    }
    float found = disordered(largest.reduceLanes(MAX));
    return found == 0 ? SCALAR.largest32(x, from) : found;
  }

  /** Integers in the order of the floats. */
  private static IntVector ordered(float[] x, int at) {
    IntVector bits = FloatVector.fromArray(F, x, at).reinterpretAsInts();
    return bits.lanewise(XOR, bits.lanewise(ASHR, 31).and(0x7FFFFFFF));
  }

  private static float disordered(int ordered) {
    return Float.intBitsToFloat(ordered ^ ordered >> 31 & 0x7FFFFFFF);
  }

  @Override
  public void roundAway32(float[] x, int from, float inverse, byte[] to, int at) {
    if (!Float.isFinite(inverse)) {
      SCALAR.roundAway32(x, from, inverse, to, at);
      return;
    }
    for (int i = 0; i < 32; i += 16) {
      ByteVector levels = ByteVector.zero(ByteVector.SPECIES_128);
      for (int part = 0; part < 16 / WIDTH; part++) {
        FloatVector v = FloatVector.fromArray(F, x, from + i + part * WIDTH).mul(inverse);
        IntVector whole = ints(v);
        FloatVector rest = v.sub(whole.convert(I2F, 0).reinterpretAsFloats());
        whole =
            whole.add(1, rest.compare(GE, 0.5f).cast(I)).sub(1, rest.compare(LE, -0.5f).cast(I));
        levels = levels.or(bytes(whole, part));
      }
      levels.intoArray(to, at + i);
    }
  }

  @Override
  public int truncate32(
      float[] x, int from, float min, float inverse, float bias, int most, byte[] to, int at) {
    if (!Float.isFinite(inverse)) {
      // an infinite inverse makes numbers that Java and C convert to different integers
      return SCALAR.truncate32(x, from, min, inverse, bias, most, to, at);
    }
    ByteVector nibbles = ByteVector.zero(ByteVector.SPECIES_128);
    int fifthBits = 0;
    for (int part = 0; part < 16 / WIDTH; part++) {
      int i = part * WIDTH;
      IntVector low = truncate(x, from + i, min, inverse, bias).min(most);
      IntVector high = truncate(x, from + 16 + i, min, inverse, bias).min(most);
      nibbles = nibbles.or(bytes(low.and(0xF).or(high.lanewise(LSHL, 4)), part));
      fifthBits |=
          (int) low.and(16).compare(NE, 0).toLong() << i
              | (int) high.and(16).compare(NE, 0).toLong() << 16 + i;
    }
    nibbles.intoArray(to, at);
    return fifthBits;
  }

  private static IntVector truncate(float[] x, int at, float min, float inverse, float bias) {
    return ints(FloatVector.fromArray(F, x, at).sub(min).mul(inverse).add(bias));
  }

  /** The low bytes as the {@code part}-th piece of sixteen, the others zero. */
  private static ByteVector bytes(IntVector v, int part) {
    // each with a constant, which is what makes it one instruction
    return switch (part) {
      case 0 -> v.convertShape(I2B, ByteVector.SPECIES_128, 0).reinterpretAsBytes();
      case 1 -> v.convertShape(I2B, ByteVector.SPECIES_128, -1).reinterpretAsBytes();
      case 2 -> v.convertShape(I2B, ByteVector.SPECIES_128, -2).reinterpretAsBytes();
      default -> v.convertShape(I2B, ByteVector.SPECIES_128, -3).reinterpretAsBytes();
    };
  }

  /** Toward zero, as both C and Java convert numbers that fit. */
  private static IntVector ints(FloatVector v) {
    return v.convert(F2I, 0).reinterpretAsInts();
  }

  @Override
  public void roundToBfloat16(float[] x, int from, int n, short[] bits) {
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
      IntVector single = FloatVector.fromArray(F, x, from + i).reinterpretAsInts();
      IntVector odd = single.lanewise(ASHR, 16).and(1);
      ((ShortVector) single.add(0x7FFF).add(odd).lanewise(ASHR, 16).convertShape(I2S, SHORTS, 0))
          .intoArray(bits, i);
    }
    for (; i < n; i++) {
      bits[i] = ScalarKernels.bfloat16(x[from + i]);
    }
  }

  @Override
  public void gather(float[] x, int at, int n, int firstLane, int lanes, float[] tile) {
    for (int lane = 0; lane < lanes; lane++) {
      int from = at + lane * n;
      int to = firstLane + lane;
      for (int i = 0; i < n; i++) {
        tile[i * LANES + to] = x[from + i];
      }
    }
  }

  @Override
  public void magnitudes(float[] x, int n, float[] w) {
    for (int i = 0; i < n * LANES; i += WIDTH) {
      FloatVector.fromArray(F, x, i).lanewise(ABS).intoArray(w, i);
    }
  }

  @Override
  public void squares(float[] x, int n, float[] w) {
    for (int i = 0; i < n * LANES; i += WIDTH) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      v.mul(v).intoArray(w, i);
    }
  }

  @Override
  public void meanPlusMagnitudes(float[] x, int n, float[] w) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        sum = sum.add(v.mul(v));
      }
      FloatVector mean = sum.div(n).lanewise(SQRT);
      for (int i = lane; i < n * LANES; i += LANES) {
        mean.add(FloatVector.fromArray(F, x, i).lanewise(ABS)).intoArray(w, i);
      }
    }
  }

  @Override
  public void importanceWeights(float[] x, float[] importance, float[] sigma2, int n, float[] w) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector sigma = FloatVector.fromArray(F, sigma2, lane);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector root = sigma.add(v.mul(v)).lanewise(SQRT);
        FloatVector.fromArray(F, importance, i).mul(root).intoArray(w, i);
      }
    }
  }

  @Override
  public void sums(float[] x, int n, float[] sums) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = lane; i < n * LANES; i += LANES) {
        sum = sum.add(FloatVector.fromArray(F, x, i));
      }
      sum.intoArray(sums, lane);
    }
  }

  @Override
  public void searchScaleMin(
      float[] x,
      float[] w,
      int n,
      int max,
      float first,
      float delta,
      int steps,
      boolean absolute,
      float[] scale,
      float[] min,
      int[] levels) {
    ScaleMinSearch search = new ScaleMinSearch(x, w, n, max, absolute, levels);
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      search.start(lane);
    }
    // the registers of a tile take turns, so that one's divisions run beside the other's sums
    for (int step = 0; step <= steps; step++) {
      float range = first + delta * step + max;
      for (int lane = 0; lane < LANES; lane += WIDTH) {
        search.fit(lane, range);
      }
      for (int lane = 0; lane < LANES; lane += WIDTH) {
        search.judge(lane);
      }
    }
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      for (long bad = search.finish(lane, scale, min); bad != 0; bad &= bad - 1) {
        int badLane = lane + Long.numberOfTrailingZeros(bad);
        ScalarKernels.searchScaleMin(
            x, w, n, max, first, delta, steps, absolute, scale, min, levels, badLane);
      }
    }
  }

  @Override
  public void searchScale(float[] x, float[] w, int n, int max, float[] scale, int[] levels) {
    ScaleSearch search = new ScaleSearch(x, w, n, max);
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      search.start(lane);
      // ggml tries the plain inverse, then nine to each side of it; two at a time keep the adders
      // busy
      search.sum(lane, -max, -(max + 0.1f * -9));
      search.keepFirst(lane);
      search.keep(lane, 1);
      for (int step = -8; step <= 9; step += 2) {
        int first = step < 0 ? step : step + 1; // skip 0
        int second = Math.min(first + 1, 9); // trying the last one twice changes nothing
        search.sum(lane, -(max + 0.1f * first), -(max + 0.1f * second));
        search.keep(lane, 0);
        search.keep(lane, 1);
      }
      search.finish(lane, scale, levels);
    }
  }

  @Override
  public void descendScale(float[] x, int n, int max, float[] scale, int[] levels) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      descendScale(x, n, max, scale, levels, lane);
    }
  }

  private static void descendScale(
      float[] x, int n, int max, float[] scales, int[] levels, int lane) {
    int end = n * LANES;
    float[] rounded = new float[end];
    FloatVector extreme = laneExtremes(x, end, lane);
    VectorMask<Float> zero = extreme.lanewise(ABS).compare(LT, ScalarKernels.ALL_ZERO);
    FloatVector inverse = FloatVector.broadcast(F, -max).div(extreme);
    FloatVector sumLX = FloatVector.zero(F);
    FloatVector sumL2 = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector w = v.mul(v);
      FloatVector level = round(inverse.mul(v), MAGIC_BITS - max, MAGIC_BITS + max - 1);
      sumLX = sumLX.add(w.mul(v).mul(level));
      sumL2 = sumL2.add(w.mul(level).mul(level));
      level.intoArray(rounded, i);
    }
    for (int pass = 0; pass < 5; pass++) {
      // a lane that a whole pass leaves alone would be left alone by the next ones too
      boolean changed = false;
      for (int i = lane; i < end; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector level = FloatVector.fromArray(F, rounded, i);
        FloatVector w = v.mul(v);
        FloatVector wv = w.mul(v);
        FloatVector restLX = sumLX.sub(wv.mul(level));
        FloatVector restL2 = sumL2.sub(w.mul(level).mul(level));
        FloatVector newLevel = roundAny(v.mul(restL2).div(restLX), -max, max - 1);
        VectorMask<Float> better = restLX.compare(GT, 0f).and(newLevel.compare(NE, level));
        restLX = restLX.add(wv.mul(newLevel));
        restL2 = restL2.add(w.mul(newLevel).mul(newLevel));
        better =
            better
                .and(restL2.compare(GT, 0f))
                .and(restLX.mul(restLX).mul(sumL2).compare(GT, sumLX.mul(sumLX).mul(restL2)));
        level.blend(newLevel, better).intoArray(rounded, i);
        sumLX = sumLX.blend(restLX, better);
        sumL2 = sumL2.blend(restL2, better);
        changed |= better.anyTrue();
      }
      if (!changed) {
        break;
      }
    }
    for (int i = lane; i < end; i += LANES) {
      ints(FloatVector.fromArray(F, rounded, i).add(max)).intoArray(levels, i);
    }
    FloatVector scale = FloatVector.zero(F).blend(sumLX.div(sumL2), sumL2.compare(GT, 0f));
    scale.blend(0f, zero).intoArray(scales, lane);
    if (zero.anyTrue()) {
      clear(levels, n, lane, zero);
    }
  }

  @Override
  public void searchCodebookScale(
      float[] x, float[] w, int n, byte[] codebook, int tries, float[] scale) {
    CodebookSearch search = new CodebookSearch(codebook);
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      search.scale(x, w, n * LANES, tries, lane, scale);
    }
  }

  @Override
  public void nearestInCodebook(float[] x, float[] inverse, int n, byte[] codebook, int[] levels) {
    float[] midpoints = midpoints(codebook);
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector by = FloatVector.fromArray(F, inverse, lane);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector scaled = by.mul(FloatVector.fromArray(F, x, i));
        // counting down from the top puts NaN where the reference's comparisons put it
        IntVector level = IntVector.broadcast(I, midpoints.length);
        for (float midpoint : midpoints) {
          level = level.sub(1, scaled.compare(LT, midpoint).cast(I));
        }
        level.intoArray(levels, i);
      }
    }
  }

  @Override
  public void quantize(
      float[] x, float[] scale, float[] min, int n, int low, int high, int[] levels) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector d = FloatVector.fromArray(F, scale, lane);
      FloatVector m = FloatVector.fromArray(F, min, lane);
      VectorMask<Integer> used = d.compare(NE, 0f).cast(I);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i).add(m).div(d);
        nearest(v).max(low).min(high).sub(low).intoArray(levels, i, used);
      }
    }
  }

  /** The element of largest magnitude in each lane, the first of several. */
  static FloatVector laneExtremes(float[] x, int end, int lane) {
    FloatVector magnitude = FloatVector.zero(F);
    FloatVector extreme = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector a = v.lanewise(ABS);
      VectorMask<Float> larger = a.compare(GT, magnitude);
      magnitude = magnitude.blend(a, larger);
      extreme = extreme.blend(v, larger);
    }
    return extreme;
  }

  /** Not a masked store: what it wrote could not be forwarded to the load that soon follows. */
  static void replace(float[] x, int at, FloatVector by, VectorMask<Float> where) {
    FloatVector.fromArray(F, x, at).blend(by, where).intoArray(x, at);
  }

  /** The bits of {@code nearest(v) + MAGIC}, clamped; for |v| below 2²². */
  static IntVector bits(FloatVector v, int bottom, int top) {
    return v.add(MAGIC).reinterpretAsInts().max(bottom).min(top);
  }

  static FloatVector round(FloatVector v, int bottom, int top) {
    return bits(v, bottom, top).reinterpretAsFloats().sub(MAGIC);
  }

  /** {@link Rounding#nearest} for any argument. */
  private static IntVector nearest(FloatVector v) {
    return v.add(MAGIC).reinterpretAsInts().and(0x007FFFFF).sub(0x00400000);
  }

  private static FloatVector roundAny(FloatVector v, int low, int high) {
    return nearest(v).max(low).min(high).add(MAGIC_BITS).reinterpretAsFloats().sub(MAGIC);
  }

  static void clear(int[] levels, int n, int lane, VectorMask<Float> which) {
    IntVector zero = IntVector.zero(I);
    VectorMask<Integer> mask = which.cast(I);
    for (int i = lane; i < n * LANES; i += LANES) {
      zero.intoArray(levels, i, mask);
    }
  }

  /** Halfway between neighbours; exact, since the values are small integers. */
  static float[] midpoints(byte[] codebook) {
    float[] midpoints = new float[codebook.length - 1];
    for (int k = 0; k < midpoints.length; k++) {
      midpoints[k] = (codebook[k] + codebook[k + 1]) / 2f;
    }
    return midpoints;
  }
}
