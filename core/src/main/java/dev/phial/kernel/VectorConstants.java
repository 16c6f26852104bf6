package dev.phial.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The register width, chosen once; {@code -Dphial.vectorBits=128|256|512} overrides it for tests
 * and bug reports.
 */
final class VectorConstants {
  static final VectorSpecies<Float> FLOAT = species();
  static final VectorSpecies<Integer> INT =
      IntVector.SPECIES_PREFERRED.withShape(FLOAT.vectorShape());

  /** Holds as many bytes as the others hold numbers; twice as many where those are four. */
  static final VectorSpecies<Byte> BYTE =
      ByteVector.SPECIES_PREFERRED.withShape(
          VectorShape.forBitSize(Math.max(64, FLOAT.length() * Byte.SIZE)));

  private VectorConstants() {}

  private static VectorSpecies<Float> species() {
    int bits = Integer.getInteger("phial.vectorBits", 0);
    if (bits != 0) {
      return FloatVector.SPECIES_PREFERRED.withShape(VectorShape.forBitSize(bits));
    }
    // wider registers (SVE) have not been tried
    return FloatVector.SPECIES_PREFERRED.vectorBitSize() > 512
        ? FloatVector.SPECIES_512
        : FloatVector.SPECIES_PREFERRED;
  }
}
