package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** What is called by the name of an output before it is written. */
enum Place {
  FREE("nothing"),
  FILE("a file"),
  FOLDER("a folder"),
  LINK("a symbolic link"),
  SPECIAL("a device, pipe or socket");

  private final String label;

  Place(String label) {
    this.label = label;
  }

  /** With an article, for messages. */
  String label() {
    return label;
  }

  /**
   * @param shown the target as the user spelled it
   * @throws PhialException.OutputFailed if nothing can be called so
   */
  static Place of(Path target, Path shown) {
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
}
