package dev.phial.engine.chat;

import org.jspecify.annotations.Nullable;

/** A value that can be called. */
interface Function {
  @Nullable Object call(Arguments arguments);
}
