package dev.phial.targets;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * What a model reads before codes are chosen for what its layers compute.
 *
 * @param files in UTF-8, one after the other; the text that comes along if there are none
 * @param chunks to read at most, spread evenly over the texts; by default as many as are enough
 * @param context tokens of a chunk
 * @param moments a file of what flowed into each matrix when the model read its text before
 */
public record CalibrationText(
    List<Path> files, OptionalInt chunks, OptionalInt context, Optional<Path> moments) {
  /** What is read unless something else is asked for. */
  public static final CalibrationText USUAL =
      new CalibrationText(List.of(), OptionalInt.empty(), OptionalInt.empty(), Optional.empty());

  /** All files that it is made of. */
  public List<Path> inputs() {
    return Stream.concat(files.stream(), moments.stream()).toList();
  }
}
