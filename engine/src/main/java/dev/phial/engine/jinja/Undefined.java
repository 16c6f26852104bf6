package dev.phial.engine.jinja;

import org.jspecify.annotations.Nullable;

/**
 * What a name stands for that nothing was given for: printed as nothing, false, and an error where
 * more is asked of it.
 */
record Undefined(String name) {
  /** What stands at a key that is not there. */
  static Undefined at(@Nullable Object key) {
    return new Undefined(
        switch (key) {
          case String name -> name;
          case Long place -> place.toString();
          case null, default -> Values.type(key);
        });
  }

  TemplateException used() {
    return new TemplateException("'%s' is undefined".formatted(name));
  }
}
