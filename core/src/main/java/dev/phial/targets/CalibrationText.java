package dev.phial.targets;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * What a model reads before codes are chosen for what its layers compute.
 *
 * @param files in UTF-8, one after the other; the text that comes along if there are none
 * @param chunks to read at most, spread evenly over the texts; by default as many as are enough
 * @param context tokens of a chunk
 */
public record CalibrationText(List<Path> files, OptionalInt chunks, OptionalInt context) {
  /** What is read unless something else is asked for. */
  public static final CalibrationText USUAL =
      new CalibrationText(List.of(), OptionalInt.empty(), OptionalInt.empty());
}
