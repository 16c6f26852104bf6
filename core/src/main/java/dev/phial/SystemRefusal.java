package dev.phial;

import java.io.IOException;
import java.util.Optional;

/** What Java throws where the system would not give it a file: it is no bug. */
public final class SystemRefusal {
  private SystemRefusal() {}

  /**
   * What the system said, where it refused a file that Java itself or a library asked for: mostly
   * that too many are open.
   */
  public static Optional<String> of(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof IOException && cause.getMessage() != null) {
        return Optional.of("the system refused a file: " + cause.getMessage());
      }
    }
    return failure instanceof LinkageError || failure instanceof TypeNotPresentException
        ? Optional.of(
            "a part of Phial or Java cannot be loaded (%s); is the installation complete, and may enough files be open (ulimit -n)?"
                .formatted(failure.getMessage()))
        : Optional.empty();
  }
}
