package dev.phial.kernel;

import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Reads encoded numbers, one a lane; for registers of at least eight lanes. */
final class Lanes {
  static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  static final VectorSpecies<Integer> I = VectorConstants.INT;
  static final int WIDTH = F.length();

  private static final VectorSpecies<Byte> BYTES = bytes(8);
  private static final VectorSpecies<Byte> PAIRS = bytes(16);
  private static final VectorSpecies<Byte> FOURS = bytes(32);
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Lanes() {}

  private static VectorSpecies<Byte> bytes(int bitsOfALane) {
    return ByteVector.SPECIES_64.withShape(VectorShape.forBitSize(bitsOfALane * WIDTH));
  }

  /** Bytes, without sign. */
  static IntVector bytes(byte[] from, int at) {
    return (IntVector) ByteVector.fromArray(BYTES, from, at).convertShape(ZERO_EXTEND_B2I, I, 0);
  }

  /** Bytes with sign. */
  static FloatVector int8(byte[] from, int at) {
    return (FloatVector) ByteVector.fromArray(BYTES, from, at).convertShape(B2F, F, 0);
  }

  static FloatVector bf16(byte[] from, int at) {
    return ((IntVector)
            ByteVector.fromArray(PAIRS, from, at)
                .reinterpretAsShorts()
                .convertShape(ZERO_EXTEND_S2I, I, 0))
        .lanewise(LSHL, 16)
        .reinterpretAsFloats();
  }

  static FloatVector f32(byte[] from, int at) {
    return ByteVector.fromArray(FOURS, from, at).reinterpretAsFloats();
  }

  static FloatVector floats(IntVector levels) {
    return (FloatVector) levels.convertShape(I2F, F, 0);
  }

  static FloatVector load(float[] x, int at) {
    return FloatVector.fromArray(F, x, at);
  }

  static FloatVector all(float x) {
    return FloatVector.broadcast(F, x);
  }

  static float half(byte[] from, int at) {
    return Halves.VALUES[bits(from, at) & 0xFFFF];
  }

  static short bits(byte[] from, int at) {
    return (short) SHORT.get(from, at);
  }

  static int word(byte[] from, int at) {
    return (int) INT.get(from, at);
  }

  /** The sums of every {@code size} elements of a vector, a multiple of four. */
  static float[] sums(float[] x, int at, int columns, int size) {
    float[] sums = new float[columns / size];
    for (int i = 0; i < sums.length; i++) {
      float a = 0; // four sums, which need not wait for each other
      float b = 0;
      float c = 0;
      float d = 0;
      for (int k = at + i * size; k < at + (i + 1) * size; k += 4) {
        a += x[k];
        b += x[k + 1];
        c += x[k + 2];
        d += x[k + 3];
      }
      sums[i] = a + b + (c + d);
    }
    return sums;
  }

  /**
   * Every half float, widened: a converted scale would have to move from register to register, one
   * that is loaded is broadcast on the way.
   */
  private static final class Halves {
    static final float[] VALUES = new float[1 << 16];

    static {
      for (int i = 0; i < VALUES.length; i++) {
        VALUES[i] = Float.float16ToFloat((short) i);
      }
    }
  }
}
