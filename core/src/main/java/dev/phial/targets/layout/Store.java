package dev.phial.targets.layout;

import java.util.List;
import java.util.stream.Stream;

/** How the blocks of a planned tensor lie in the slots of an output. */
public interface Store {
  /** What it consists of, in the order in which a file has it. */
  List<? extends Slot> slots();

  /** Begins a writing, which may have to hold some of what it is given. */
  Writing open(Out out);

  /** Both this and another, of the same blocks. */
  default Store and(Store other) {
    return new Both(this, other);
  }

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

  /** Two stores of the same blocks. */
  record Both(Store first, Store second) implements Store {
    @Override
    public List<? extends Slot> slots() {
      return Stream.concat(first.slots().stream(), second.slots().stream()).toList();
    }

    @Override
    public Writing open(Out out) {
      Writing one = first.open(out);
      Writing other = second.open(out);
      return (blocks, row, rows) -> {
        one.put(blocks, row, rows);
        other.put(blocks, row, rows);
      };
    }
  }
}
