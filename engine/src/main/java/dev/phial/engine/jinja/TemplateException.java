package dev.phial.engine.jinja;

import dev.phial.Printable;

/** A template that cannot be read or rendered; the message is a line that can be shown. */
public sealed class TemplateException extends RuntimeException permits TemplateException.Raised {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST = 300;

  TemplateException(String message) {
    super(Printable.of(message, LONGEST), null, false, false);
  }

  static TemplateException at(int line, String message) {
    return new TemplateException("line %d: %s".formatted(line, message));
  }

  /** How a function that was handed in ends the rendering; its message is passed on as it is. */
  public static final class Raised extends TemplateException {
    private static final long serialVersionUID = 1L;

    public Raised(String message) {
      super(message);
    }
  }
}
