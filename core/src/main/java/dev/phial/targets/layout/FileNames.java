package dev.phial.targets.layout;

import java.nio.file.Path;

/** What the files of an output are called: they share a folder, or the name of the output. */
public enum FileNames {
  /** The output is a folder, and files have names of their own. */
  FOLDER {
    @Override
    Path path(Path output, String name) {
      return output.resolve(name);
    }

    @Override
    Path manifest(Path output) {
      return output.resolve(Provenance.NAME);
    }

    @Override
    Destination create(Path output, boolean replace, boolean hasManifest) {
      return new FolderDestination(output, replace);
    }
  },

  /** The output is a file, or several whose names begin alike; the manifest lies beside. */
  FILES {
    // a name is empty for the output itself, else it comes before the ending
    @Override
    Path path(Path output, String name) {
      if (name.isEmpty()) {
        return output;
      }
      String own = String.valueOf(output.getFileName());
      int ending = own.endsWith(ENDING) ? own.length() - ENDING.length() : own.length();
      return output.resolveSibling(own.substring(0, ending) + name + ENDING);
    }

    @Override
    Path manifest(Path output) {
      return Provenance.beside(output);
    }

    @Override
    Destination create(Path output, boolean replace, boolean hasManifest) {
      return new FilesDestination(output, replace, hasManifest);
    }
  };

  private static final String ENDING = ".gguf";

  boolean isFolder() {
    return this == FOLDER;
  }

  abstract Path path(Path output, String name);

  abstract Path manifest(Path output);

  abstract Destination create(Path output, boolean replace, boolean hasManifest);
}
