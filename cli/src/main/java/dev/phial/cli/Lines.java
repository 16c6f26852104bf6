package dev.phial.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The lines of a text that comes bit by bit, of limited length. */
final class Lines implements Questions {
  private final BufferedReader in;
  private final int longest;

  /**
   * @param longest characters that a line may have, with those it goes on in
   */
  Lines(InputStream in, int longest) {
    this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    this.longest = longest;
  }

  @Override
  public @Nullable String next() throws IOException {
    StringBuilder line = new StringBuilder();
    int c = in.read();
    if (c < 0) {
      return null;
    }
    boolean isTooLong = false;
    for (; c >= 0; c = in.read()) {
      if (c == '\n' && !goesOn(line)) {
        break;
      }
      if (line.length() == longest) {
        isTooLong = true;
        line.setLength(0); // it is not needed any more, only how it ends
      }
      line.append((char) c);
    }
    if (isTooLong) {
      throw Questions.tooLong(longest);
    }
    return line.toString();
  }

  /** Standard input stays open. */
  @Override
  public void close() {}

  /** Whether the next line belongs to this one; what says so is dropped. */
  private static boolean goesOn(StringBuilder line) {
    if (!line.isEmpty() && line.charAt(line.length() - 1) == '\r') {
      line.setLength(line.length() - 1);
    }
    boolean goesOn = !line.isEmpty() && line.charAt(line.length() - 1) == '\\';
    if (goesOn) {
      line.setLength(line.length() - 1);
    }
    return goesOn;
  }
}
