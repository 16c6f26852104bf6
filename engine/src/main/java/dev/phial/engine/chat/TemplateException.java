package dev.phial.engine.chat;

/** A template that cannot be read or rendered; never leaves this package. */
final class TemplateException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TemplateException(String message) {
    super(message, null, false, false);
  }

  static TemplateException at(int line, String message) {
    return new TemplateException("line %d: %s".formatted(line, message));
  }
}
