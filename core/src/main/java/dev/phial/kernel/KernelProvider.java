package dev.phial.kernel;

import java.util.Optional;

/** Picks the kernels once, and says what to pass when it has to pick the slow ones. */
final class KernelProvider {
  private static final System.Logger LOG = System.getLogger(KernelProvider.class.getName());

  static final Kernels BEST = choose(System.getProperty("phial.kernels", "vector"));
  static final GroupKernels BEST_FOR_GROUPS =
      BEST instanceof ScalarKernels ? new ScalarGroupKernels() : new VectorGroupKernels();

  static final GridKernels BEST_FOR_GRIDS =
      BEST instanceof ScalarKernels ? new ScalarGridKernels() : new VectorGridKernels();

  static final MatrixKernels SCALAR_MATRIX = new ScalarMatrixKernels();
  static final MatrixKernels BEST_MATRIX =
      BEST instanceof VectorKernels ? new VectorMatrixKernels() : SCALAR_MATRIX;

  /** Bits of a register; kernels take bytes four lanes at a time. */
  private static final int LEAST_BITS = 128;

  private KernelProvider() {}

  /**
   * Whether this JVM has registers wide enough for {@link Lanes}: no species holds fewer than 8
   * bytes.
   */
  static boolean hasLanes() {
    return BEST_MATRIX instanceof VectorMatrixKernels && VectorConstants.FLOAT.length() >= 8;
  }

  static Kernels choose(String wanted) {
    Optional<String> obstacle = obstacle(wanted);
    if (obstacle.isEmpty()) {
      return new VectorKernels();
    }
    LOG.log(System.Logger.Level.WARNING, "Using the scalar kernels: {0}", obstacle.get());
    return new ScalarKernels();
  }

  private static Optional<String> obstacle(String wanted) {
    if (wanted.equals("scalar")) {
      return Optional.of("-Dphial.kernels=scalar asks for them.");
    }
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return Optional.of(
          "java was started without the Vector API; start ./phial, or pass --add-modules jdk.incubator.vector.");
    }
    int bits = VectorConstants.FLOAT.vectorBitSize();
    if (bits < LEAST_BITS) {
      return Optional.of(
          "this JVM offers vectors of %d bits, and %d are needed; is -XX:MaxVectorSize or -XX:UseSSE set, in JAVA_TOOL_OPTIONS perhaps?"
              .formatted(bits, LEAST_BITS));
    }
    // what the compiler does not turn into vector instructions is slower than without
    String how = System.getProperty("java.vm.info", "");
    if (how.contains("interpreted mode") || how.contains("emulated-client")) {
      return Optional.of(
          "this JVM runs without its second compiler; is -Xint, -XX:TieredStopAtLevel or -XX:-UseCompiler set, in JAVA_TOOL_OPTIONS perhaps?");
    }
    return Optional.empty();
  }
}
