package dev.phial.targets.layout;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;

/** Tells where an output comes from, in a file of its own. */
public interface Provenance {
  /** In a folder; beside a file, what follows the name of the file and a dot. */
  String NAME = "phial.json";

  /** Where it lies if the output is a single file. */
  static Path beside(Path output) {
    return output.resolveSibling("%s.%s".formatted(output.getFileName(), NAME));
  }

  /** Bytes of it when the output consists of files of these names, itself aside. */
  long bytes(Collection<String> files);

  /**
   * What it says of an output.
   *
   * @param files by the names they will have
   * @throws dev.phial.PhialException.BadInput if one cannot be read
   */
  byte[] json(Map<String, Path> files);
}
