package dev.phial.engine.eval;

import dev.phial.targets.layout.MemorySink;

/**
 * A candidate that is quantized in memory.
 *
 * @param name what the user called it
 */
public record Quantized(String name, MemorySink sink) implements AutoCloseable {
  @Override
  public void close() {
    sink.close();
  }
}
