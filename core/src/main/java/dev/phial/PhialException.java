package dev.phial;

import org.jspecify.annotations.Nullable;

/**
 * Everything that can go wrong for a reason a user can act on. A message says, in this order and as
 * far as each is known: file, tensor, what was expected, what was found, what to do next; whatever
 * a file holds, it is one line that is safe to print. Anything else that escapes is a bug of ours.
 */
public abstract sealed class PhialException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final int LONGEST_MESSAGE = 4000;

  private final String message;

  private PhialException(String message, @Nullable Throwable cause) {
    super(message, cause);
    this.message = Printable.of(message, LONGEST_MESSAGE);
  }

  @Override
  public String getMessage() {
    return message;
  }

  /** The command line or an option makes no sense: exit status 2. */
  public static final class Usage extends PhialException {
    private static final long serialVersionUID = 1L;

    public Usage(String message) {
      super(message, null);
    }
  }

  /** A file is not what it says it is, or cannot be read. */
  public static final class BadInput extends PhialException {
    private static final long serialVersionUID = 1L;

    public BadInput(String message) {
      super(message, null);
    }

    public BadInput(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** A well-formed request that Phial, or the runtime it writes for, cannot serve. */
  public static final class Unsupported extends PhialException {
    private static final long serialVersionUID = 1L;

    private final String reason;

    public Unsupported(String message) {
      this(message, message);
    }

    /**
     * @param reason the gist in a few words, for a table
     */
    public Unsupported(String message, String reason) {
      super(message, null);
      this.reason = Printable.of(reason, LONGEST_MESSAGE);
    }

    public String reason() {
      return reason;
    }
  }

  /** The result could not be written. */
  public static final class OutputFailed extends PhialException {
    private static final long serialVersionUID = 1L;

    public OutputFailed(String message) {
      super(message, null);
    }

    public OutputFailed(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
