package dev.phial.engine.jinja;

import dev.phial.Printable;

/** A template that cannot be read or rendered; the message is a line that can be shown. */
public sealed class TemplateException extends RuntimeException permits TemplateException.Raised {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST = 300;

  /** What to say of a mistake of ours. */
  static final String UNFORESEEN = "the interpreter fails; please report it, with the template";

  TemplateException(String message) {
    super(Printable.of(message, LONGEST), null, false, false);
  }

  static TemplateException at(int line, String message) {
    return new TemplateException("line %d: %s".formatted(line, message));
  }

  /** Says where it happened. */
  TemplateException at(int line) {
    return at(line, message());
  }

  /** What to say of whatever goes wrong with a template. */
  static TemplateException of(Throwable e) {
    return switch (e) {
      case TemplateException known -> known;
      case ArithmeticException tooLarge -> new TemplateException("a number is too large");
      case StackOverflowError tooDeep -> new TemplateException("it nests too deeply");
      case OutOfMemoryError tooMuch -> new TemplateException("it takes more memory than there is");
      default -> new TemplateException(UNFORESEEN);
    };
  }

  String message() {
    return String.valueOf(getMessage());
  }

  /** How a function that was handed in ends the rendering; its message is passed on as it is. */
  public static final class Raised extends TemplateException {
    private static final long serialVersionUID = 1L;

    public Raised(String message) {
      super(message);
    }

    @Override
    TemplateException at(int line) {
      return this;
    }
  }
}
