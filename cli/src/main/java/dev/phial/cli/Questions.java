package dev.phial.cli;

import dev.phial.PhialException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where the lines of a conversation come from. */
sealed interface Questions extends AutoCloseable permits LineEditor, Lines {
  String PROMPT = "> ";
  String HOW_TO_LEAVE = "(Ctrl-C again, Ctrl-D or /exit leaves)";

  /**
   * The next line, with those it goes on in: one that ends with a backslash does.
   *
   * @return null at the end
   * @throws PhialException.BadInput if it is too long; it has been read nevertheless
   */
  @Nullable String next() throws IOException;

  static PhialException tooLong(int longest) {
    return new PhialException.BadInput(
        "expected lines of at most %d characters, found a longer one; shorten it"
            .formatted(longest));
  }

  @Override
  void close();
}
