package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;

/** Arrays that one worker uses again and again; each use overwrites the one before. */
final class Scratch {
  private final float[][] floats = new float[Use.values().length][0];
  private short[] halves = new short[0];
  private byte[] bytes = new byte[0];
  private MatrixKernels kernels = MatrixKernels.best();

  /** What an array is for: those in use at the same time must differ. */
  enum Use {
    ROWS,
    PANEL,
    RESULT,
    QUERIES,
    PACKED,
    SCORES
  }

  /** What the worker is to compute with. */
  MatrixKernels kernels() {
    return kernels;
  }

  void use(MatrixKernels others) {
    kernels = others;
  }

  /** An array of at least {@code size} floats, of unknown content. */
  float[] floats(Use use, int size) {
    float[] array = floats[use.ordinal()];
    if (array.length < size) {
      array = new float[size];
      floats[use.ordinal()] = array;
    }
    return array;
  }

  /** An array of at least {@code size} half floats, of unknown content. */
  short[] halves(int size) {
    if (halves.length < size) {
      halves = new short[size];
    }
    return halves;
  }

  /** An array of at least {@code size} bytes, of unknown content. */
  byte[] bytes(int size) {
    if (bytes.length < size) {
      bytes = new byte[size];
    }
    return bytes;
  }
}
