package dev.phial.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The exponential of every lane, the same numbers wherever it runs: {@code lanewise(EXP)} is
 * another function once it is compiled. The polynomial is that of Cephes' {@code expf}, which is
 * right to two units in the last place.
 */
final class Exponential {
  /** Adding it rounds to a whole number, in the low bits. */
  private static final float MAGIC = 0x1.8p23f;

  private static final int MAGIC_BITS = Float.floatToRawIntBits(MAGIC);

  private static final float LEAST = -104; // below, nothing is left
  private static final float MOST = 89; // above, infinity

  private static final float LOG2_E = 0x1.715476p0f;
  private static final float LN2_HIGH = 355f / 512;
  private static final float LN2_LOW = -0x1.bd0106p-13f;

  private Exponential() {}

  static FloatVector of(FloatVector x) {
    FloatVector v = x.max(LEAST).min(MOST);
    FloatVector shifted = v.mul(LOG2_E).add(MAGIC);
    IntVector power = shifted.reinterpretAsInts().sub(MAGIC_BITS);
    FloatVector n = shifted.sub(MAGIC);
    FloatVector r = v.sub(n.mul(LN2_HIGH)).sub(n.mul(LN2_LOW));
    FloatVector p =
        r.mul(0x1.a0d2cep-13f)
            .add(0x1.6e879cp-10f)
            .mul(r)
            .add(0x1.11121p-7f)
            .mul(r)
            .add(0x1.555382p-5f)
            .mul(r)
            .add(0x1.555554p-3f)
            .mul(r)
            .add(0x1.0p-1f);
    FloatVector y = p.mul(r).mul(r).add(r).add(1f);
    // in two steps, since 2^power alone may be no float
    IntVector half = power.lanewise(ASHR, 1);
    return y.mul(powerOf2(half)).mul(powerOf2(power.sub(half)));
  }

  private static FloatVector powerOf2(IntVector n) {
    return n.add(127).lanewise(LSHL, 23).reinterpretAsFloats();
  }

  /** The hyperbolic tangent; its error is absolute, which is what GELU asks for. */
  static FloatVector tanh(FloatVector x) {
    FloatVector e = of(x.mul(2f));
    FloatVector one = FloatVector.broadcast(VectorConstants.FLOAT, 1f);
    return one.sub(one.add(1f).div(e.add(1f)));
  }
}
