package dev.phial.engine.jinja;

import org.jspecify.annotations.Nullable;

/** A value that can be called. */
interface Function {
  @Nullable Object call(Arguments arguments);
}
