package dev.phial.targets.layout;

import java.util.List;

/** How the blocks of a planned tensor lie in the slots of an output. */
public interface Store {
  /** What it consists of, in the order in which a file has it. */
  List<? extends Slot> slots();

  /** Begins a writing, which may have to hold some of what it is given. */
  Writing open(Out out);

  /** One writing of a tensor. */
  interface Writing {
    /**
     * Takes rows of the tensor, in any order and from several threads.
     *
     * @param blocks as the format encodes them, {@code [rows][blocks of a row]}
     * @param row the first of them
     */
    void put(byte[] blocks, long row, int rows);
  }
}
