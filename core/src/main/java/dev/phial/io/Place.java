package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import java.util.regex.Pattern;

/** What is called by the name of an output before it is written, on whatever file system. */
public enum Place {
  FREE("nothing"),
  FILE("a file"),
  FOLDER("a folder"),
  LINK("a symbolic link"),
  SPECIAL("a device, pipe or socket");

  /** What a path begins with that was a URI: {@code hdfs:/server/file} is a folder to Java. */
  private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:");

  private final String label;

  Place(String label) {
    this.label = label;
  }

  /**
   * @param shown the target as the user spelled it
   * @throws PhialException.OutputFailed if nothing can be called so, or it was meant to be a URI
   */
  static Place of(Path target, Path shown) {
    if (!shown.isAbsolute() && SCHEME.matcher(shown.getName(0).toString()).matches()) {
      throw new PhialException.OutputFailed(
          "%s: expected a path, found a URI; write it here, and copy it there afterwards"
              .formatted(shown));
    }
    try {
      BasicFileAttributes found =
          Files.readAttributes(target, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      return found.isSymbolicLink()
          ? LINK
          : found.isRegularFile() ? FILE : found.isDirectory() ? FOLDER : SPECIAL;
    } catch (NoSuchFileException e) {
      return FREE;
    } catch (IOException e) {
      throw OutputFile.failed(shown, e);
    }
  }

  /**
   * Tells whether a file could be put there. Only a file is ever replaced: not a folder, and no
   * link, device or pipe.
   *
   * @param shown the place as the user spelled it
   * @throws PhialException.OutputFailed if it could not
   */
  public void checkFile(Object shown, boolean replace) {
    switch (this) {
      case FREE -> {}
      case FILE -> {
        if (!replace) {
          throw OutputFile.exists(shown);
        }
      }
      case FOLDER ->
          throw new PhialException.OutputFailed(
              shown + " is a folder; pass -o with the name of a file");
      case LINK, SPECIAL -> throw wrong("a file", shown);
    }
  }

  /**
   * Tells whether a folder could be put there. Replacing one removes what is in it, so a slip of
   * the hand must not name one with other things.
   *
   * @param shown the place as the user spelled it
   * @param foreign an entry that neither Phial nor the exporter of a runtime wrote
   * @throws PhialException.OutputFailed if it could not
   */
  public void checkFolder(Object shown, boolean replace, Optional<String> foreign) {
    switch (this) {
      case FREE -> {}
      case FOLDER -> {
        if (foreign.isPresent()) {
          throw new PhialException.OutputFailed(
              "%s: expected a folder that holds an exported model and nothing else, found %s, which would be lost; remove it yourself, or pass -o for another place"
                  .formatted(shown, foreign.get()));
        }
        if (!replace) {
          throw OutputFile.exists(shown);
        }
      }
      case FILE, LINK, SPECIAL -> throw wrong("a folder", shown);
    }
  }

  private PhialException wrong(String expected, Object shown) {
    return new PhialException.OutputFailed(
        "%s: expected %s to replace, found %s; pass -o for another place"
            .formatted(shown, expected, label));
  }
}
