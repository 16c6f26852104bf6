package dev.phial.model;

/**
 * Attention to blocks of tokens, as Phi-3-small has it.
 *
 * @param denseEvery of so many layers the last one attends to every token before, the others to
 *     blocks
 * @param blockSize tokens of a block
 * @param localBlocks blocks before its own, and its own, that a token attends to
 * @param blockStride of the blocks before those, a head attends to one in so many
 * @param sameForAllHeads whether all heads attend to the same ones of those
 */
public record BlockAttention(
    int denseEvery, int blockSize, int localBlocks, int blockStride, boolean sameForAllHeads) {

  /** Whether a layer attends to every token before. */
  public boolean isDense(int layer) {
    return (layer + 1) % denseEvery == 0;
  }

  /**
   * Whether a head attends from one block of tokens to one not after it.
   *
   * @param heads query heads of a layer
   */
  public boolean attends(int head, int heads, int fromBlock, int toBlock) {
    int shift = sameForAllHeads ? 0 : head * Math.max(1, blockStride / heads);
    return fromBlock - toBlock < localBlocks || (toBlock + shift + 1) % blockStride == 0;
  }
}
