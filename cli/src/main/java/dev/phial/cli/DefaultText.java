package dev.phial.cli;

import dev.phial.source.TextFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/**
 * The text that comes along, for those who bring none: Shakespeare, which the demo model speaks.
 */
final class DefaultText {
  static final String NAME = "shakespeare-calibration.txt";

  private DefaultText() {}

  static String calibration() {
    try (InputStream in = DefaultText.class.getResourceAsStream(NAME)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + NAME);
      }
      return TextFile.read(in, NAME);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
