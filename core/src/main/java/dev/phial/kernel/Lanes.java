package dev.phial.kernel;

import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Reads encoded numbers, one a lane; for registers of at least eight lanes. */
final class Lanes {
  static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  static final VectorSpecies<Integer> I = VectorConstants.INT;
  static final int WIDTH = F.length();

  private static final VectorSpecies<Byte> B =
      ByteVector.SPECIES_64.withShape(VectorShape.forBitSize(8 * WIDTH));
  private static final VectorSpecies<Short> S =
      ShortVector.SPECIES_64.withShape(VectorShape.forBitSize(16 * WIDTH));
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);

  private Lanes() {}

  /** Bytes, without sign. */
  static IntVector bytes(MemorySegment from, long at) {
    return (IntVector)
        ByteVector.fromMemorySegment(B, from, at, ORDER).convertShape(ZERO_EXTEND_B2I, I, 0);
  }

  /** Bytes with sign. */
  static FloatVector int8(MemorySegment from, long at) {
    return (FloatVector) ByteVector.fromMemorySegment(B, from, at, ORDER).convertShape(B2F, F, 0);
  }

  static FloatVector bf16(MemorySegment from, long at) {
    return ((IntVector)
            ShortVector.fromMemorySegment(S, from, at, ORDER).convertShape(ZERO_EXTEND_S2I, I, 0))
        .lanewise(LSHL, 16)
        .reinterpretAsFloats();
  }

  static FloatVector f32(MemorySegment from, long at) {
    return FloatVector.fromMemorySegment(F, from, at, ORDER);
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

  static float half(MemorySegment from, long at) {
    return Float.float16ToFloat(from.get(SHORT, at));
  }

  static int word(MemorySegment from, long at) {
    return from.get(INT, at);
  }

  /** The sums of every {@code size} elements of a vector, which is a multiple of 16. */
  static float[] sums(float[] x, int at, int columns, int size) {
    float[] sums = new float[columns / size];
    for (int i = 0; i < sums.length; i++) {
      FloatVector sum = load(x, at + i * size);
      for (int k = WIDTH; k < size; k += WIDTH) {
        sum = sum.add(load(x, at + i * size + k));
      }
      sums[i] = sum.reduceLanes(ADD);
    }
    return sums;
  }
}
