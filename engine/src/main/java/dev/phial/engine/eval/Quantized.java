package dev.phial.engine.eval;

import dev.phial.engine.convert.Order;
import dev.phial.targets.layout.MemorySink;

/**
 * A candidate that is quantized in memory.
 *
 * @param name what the user called it
 */
public record Quantized(String name, Order order, MemorySink sink) implements AutoCloseable {
  /** Takes no memory yet. */
  public static Quantized of(String name, Order order) {
    return new Quantized(name, order, order.layout().inMemory());
  }

  @Override
  public void close() {
    sink.close();
  }
}
