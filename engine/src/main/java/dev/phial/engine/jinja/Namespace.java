package dev.phial.engine.jinja;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Values by name that a loop can change for what comes after it. It may hold itself, so it is equal
 * to nothing else.
 */
final class Namespace {
  private final Map<String, @Nullable Object> values;

  Namespace(Map<String, @Nullable Object> values) {
    this.values = values;
  }

  Map<String, @Nullable Object> values() {
    return values;
  }
}
