package dev.phial.kernel;

import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.F2I;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.MIN;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link GroupKernels} with the Vector API. Where nothing else is said, groups are whole registers:
 * 16 elements or more, by twos.
 */
final class VectorGroupKernels implements GroupKernels {
  private static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  private static final VectorSpecies<Integer> I = VectorConstants.INT;
  private static final int WIDTH = F.length();
  private static final VectorSpecies<Byte> BYTES =
      WIDTH > 8 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;
  private static final int MAGIC_BITS = Float.floatToRawIntBits(Rounding.MAGIC);
  private static final VectorMask<Byte> FIRST = BYTES.indexInRange(0, WIDTH);

  @Override
  public void range(float[] x, int from, int n, float[] range) {
    IntVector smallest = IntVector.broadcast(I, Integer.MAX_VALUE);
    IntVector largest = IntVector.broadcast(I, Integer.MIN_VALUE);
    int whole = n - n % WIDTH;
    for (int i = 0; i < whole; i += WIDTH) {
      IntVector v = ordered(x, from + i);
      smallest = smallest.min(v);
      largest = largest.max(v);
    }
    int least = smallest.reduceLanes(MIN);
    int most = largest.reduceLanes(MAX);
    for (int i = whole; i < n; i++) {
      int v = ordered(Float.floatToRawIntBits(x[from + i]));
      least = Math.min(least, v);
      most = Math.max(most, v);
    }
    range[0] = Float.intBitsToFloat(ordered(least));
    range[1] = Float.intBitsToFloat(ordered(most));
  }

  /** Whole numbers in the order of the floats, which cost an instruction to compare, not ten. */
  private static IntVector ordered(float[] x, int at) {
    IntVector bits = FloatVector.fromArray(F, x, at).reinterpretAsInts();
    return bits.lanewise(ASHR, 31).and(0x7FFF_FFFF).lanewise(XOR, bits);
  }

  /** There and back. */
  private static int ordered(int bits) {
    return bits ^ bits >> 31 & 0x7FFF_FFFF;
  }

  @Override
  public void levels(
      float[] x,
      int from,
      int n,
      float inverse,
      int zero,
      int most,
      boolean last,
      byte[] codes,
      int at) {
    int shift = last ? zero : 0;
    float before = last ? 0 : zero;
    for (int i = 0; i < n; i += WIDTH) {
      // limited before it is rounded, which between whole numbers is the same
      FloatVector scaled =
          FloatVector.fromArray(F, x, from + i)
              .mul(inverse)
              .add(before)
              .max((float) -shift)
              .min((float) (most - shift));
      FloatVector magnitude = scaled.lanewise(ABS);
      IntVector whole = (IntVector) magnitude.convert(F2I, 0);
      VectorMask<Float> up = magnitude.sub((FloatVector) whole.convert(I2F, 0)).compare(GE, 0.5f);
      whole = whole.add(1, up.cast(I));
      whole = whole.blend(whole.neg(), scaled.compare(LT, 0f).cast(I)).add(shift);
      storeExactly(whole, codes, at + i);
    }
  }

  @Override
  public void affine(float[] x, int from, int n, float scale, float bias, int most, byte[] codes) {
    for (int i = 0; i < n; i += WIDTH) {
      store(
          FloatVector.fromArray(F, x, from + i)
              .sub(bias)
              .div(scale)
              .add(Rounding.MAGIC)
              .reinterpretAsInts()
              .and(0x007FFFFF)
              .sub(0x00400000)
              .max(0)
              .min(most),
          codes,
          i);
    }
  }

  @Override
  public void e2m1(float[] x, int from, int n, float divisor, int drop, byte[] codes) {
    for (int i = 0; i < n; i += WIDTH) {
      FloatVector v = quotient(x, from + i, divisor, drop);
      FloatVector magnitude = v.lanewise(ABS);
      IntVector code = IntVector.zero(I);
      for (float midpoint : SmallFloats.E2M1_MIDPOINTS) {
        code = code.add(1, magnitude.compare(GT, midpoint).cast(I));
      }
      VectorMask<Integer> negative = v.compare(LT, 0f).cast(I).and(code.compare(NE, 0));
      store(code.add(8, negative), codes, i);
    }
  }

  @Override
  public void e4m3(float[] x, int from, int n, float divisor, int drop, byte[] codes) {
    for (int i = 0; i < n; i += WIDTH) {
      IntVector bits = quotient(x, from + i, divisor, drop).reinterpretAsInts();
      IntVector magnitude = bits.and(0x7FFF_FFFF);
      IntVector even = magnitude.lanewise(ASHR, SmallFloats.E4M3_SHIFT).and(1);
      IntVector normal =
          magnitude.add(SmallFloats.E4M3_REBIAS).add(even).lanewise(ASHR, SmallFloats.E4M3_SHIFT);
      IntVector small =
          magnitude
              .reinterpretAsFloats()
              .add(SmallFloats.E4M3_MAGIC)
              .reinterpretAsInts()
              .sub(SmallFloats.E4M3_MAGIC_BITS);
      store(
          small
              .blend(normal, magnitude.compare(GE, SmallFloats.E4M3_NORMAL))
              .blend(0x7E, magnitude.compare(GE, SmallFloats.E4M3_LARGEST))
              .or(bits.lanewise(LSHR, 24).and(0x80)),
          codes,
          i);
    }
  }

  @Override
  public void steps(
      float[] x, int from, int n, float divisor, float[] limits, boolean signed, byte[] codes) {
    int whole = n - n % WIDTH;
    for (int i = 0; i < whole; i += WIDTH) {
      FloatVector v = quotient(x, from + i, divisor, 0);
      FloatVector compared = signed ? v.lanewise(ABS) : v;
      IntVector code = IntVector.zero(I);
      for (float limit : limits) {
        code = code.add(1, compared.compare(GT, limit).cast(I));
      }
      if (signed) {
        code = code.or(v.reinterpretAsInts().lanewise(LSHR, 28).and(8));
      }
      store(code, codes, i);
    }
    for (int i = whole; i < n; i++) {
      codes[i] = ScalarGroupKernels.step(x[from + i] / divisor, limits, signed);
    }
  }

  @Override
  public void quotients(
      float[] x,
      int from,
      int n,
      float divisor,
      float zero,
      int low,
      int high,
      int shift,
      byte[] codes,
      int at) {
    int whole = n - n % WIDTH;
    for (int i = 0; i < whole; i += WIDTH) {
      storeExactly(
          FloatVector.fromArray(F, x, from + i)
              .div(divisor)
              .add(zero)
              .max((float) low) // between whole numbers it is the same before and after rounding
              .min((float) high)
              .add(Rounding.MAGIC)
              .reinterpretAsInts()
              .sub(MAGIC_BITS - shift),
          codes,
          at + i);
    }
    for (int i = whole; i < n; i++) {
      codes[at + i] = ScalarGroupKernels.quotient(x[from + i] / divisor + zero, low, high, shift);
    }
  }

  private static FloatVector quotient(float[] x, int at, float divisor, int drop) {
    FloatVector v = FloatVector.fromArray(F, x, at).div(divisor);
    if (drop == 0) {
      return v;
    }
    IntVector bits = v.reinterpretAsInts();
    return bits.add((1 << drop - 1) - 1)
        .add(bits.lanewise(LSHR, drop).and(1))
        .and(-1 << drop)
        .reinterpretAsFloats();
  }

  /** Writes no byte behind the codes. */
  private static void storeExactly(IntVector codes, byte[] to, int at) {
    ByteVector bytes = codes.convertShape(I2B, BYTES, 0).reinterpretAsBytes();
    if (WIDTH == BYTES.length()) {
      bytes.intoArray(to, at);
    } else {
      bytes.intoArray(to, at, FIRST);
    }
  }

  private static void store(IntVector codes, byte[] to, int at) {
    ((ByteVector) codes.castShape(VectorConstants.BYTE, 0)).intoArray(to, at);
  }
}
