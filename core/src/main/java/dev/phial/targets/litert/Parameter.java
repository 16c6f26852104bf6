package dev.phial.targets.litert;

import java.util.List;

/**
 * A tensor of the model, which every {@link Subgraph} that uses it has for its own, with the same
 * bytes.
 *
 * @param buffer that holds them
 */
record Parameter(
    String name, ElementType type, List<Integer> shape, int buffer, Quantization quantization) {
  /** What turns codes into numbers. */
  sealed interface Quantization {}

  /** Nothing: they are numbers. */
  record None() implements Quantization {}

  /**
   * A scale for each row.
   *
   * @param table of them, which all subgraphs share
   */
  record Rows(int table) implements Quantization {}

  /**
   * A scale for every {@code size} elements of a row.
   *
   * @param scales {@code [rows, columns / size]}
   */
  record Blocks(Parameter scales, int size) implements Quantization {}
}
