package dev.phial.kernel;

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
