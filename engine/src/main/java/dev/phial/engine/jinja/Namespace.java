package dev.phial.engine.jinja;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Values by name that a loop can change for what comes after it. */
record Namespace(Map<String, @Nullable Object> values) {}
