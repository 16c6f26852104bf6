package dev.phial.tensor;

/** An encoding whose blocks are groups of integers with all that belongs to them. */
public interface IntegerBlocks extends Encoding {
  Coding coding();

  /**
   * Takes a block apart.
   *
   * @param group of {@code to} that receives it
   */
  void takeApart(byte[] from, int at, CodedRows to, int group);
}
