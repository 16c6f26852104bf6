package dev.phial.engine.text;

import dev.phial.PhialException;
import dev.phial.source.TextFile;
import java.io.IOException;
import java.io.InputStream;

/**
 * The texts that come along, for those who bring none: Shakespeare, which the demo model speaks.
 */
public enum DefaultText {
  /** For importance matrices; the demo was trained on more of the kind. */
  CALIBRATION("shakespeare-calibration.txt"),
  /** For evaluation; the demo was not trained on it. */
  TEST("shakespeare-test.txt");

  private final String file;

  DefaultText(String file) {
    this.file = file;
  }

  /** The name of the file. */
  public String file() {
    return file;
  }

  /** The text. */
  public String read() {
    try (InputStream in = DefaultText.class.getResourceAsStream("/text/" + file)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + file);
      }
      return TextFile.read(in, file);
    } catch (IOException e) {
      throw new PhialException.BadInput(file + " cannot be read: " + e.getMessage(), e);
    }
  }
}
