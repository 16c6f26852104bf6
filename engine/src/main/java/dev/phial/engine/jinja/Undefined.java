package dev.phial.engine.jinja;

/**
 * What a name stands for that nothing was given for: printed as nothing, false, and an error where
 * more is asked of it.
 */
record Undefined(String name) {
  TemplateException used() {
    return new TemplateException("'%s' is undefined".formatted(name));
  }
}
