package dev.phial.targets.layout;

/** Takes the blocks of an output, once they are made. */
@FunctionalInterface
public interface Blocks {
  /**
   * Takes rows of a tensor, in any order and from several threads.
   *
   * @param region number of the tensor in its {@link Layout}
   * @param blocks as its format encodes them, {@code [rows][blocks of a row]}
   * @param row the first of them
   */
  void put(int region, byte[] blocks, long row, int rows);
}
