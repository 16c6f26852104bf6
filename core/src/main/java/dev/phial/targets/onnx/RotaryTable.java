package dev.phial.targets.onnx;

import dev.phial.model.Rotary;
import dev.phial.quant.FloatType;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Slot;
import java.util.List;

/**
 * Cosines or sines of positions, {@code [positions, rotary dimensions / 2]}, of one cache or of
 * several one below the other.
 */
record RotaryTable(List<Stretch> stretches, boolean sine, FloatType type) implements Content {
  private static final int CHUNK = 1024;

  /** The first {@code positions} positions of a cache. */
  record Stretch(Rotary cache, int positions) {}

  /** The tensor that holds it. */
  Initializer initializer(String name) {
    return Initializer.of(
        name,
        OnnxType.of(type),
        stretches.stream().mapToLong(Stretch::positions).sum(),
        stretches.getFirst().cache.columns());
  }

  @Override
  public void write(Slot slot, Out out) {
    long at = 0;
    for (Stretch stretch : stretches) {
      for (int position = 0; position < stretch.positions; position += CHUNK) {
        int end = Math.min(position + CHUNK, stretch.positions);
        byte[] bytes = bytes(stretch.cache, position, end, sine, type);
        out.write(slot, bytes, at);
        at += bytes.length;
      }
    }
  }

  /** The table's rows from {@code first} up to {@code end}. */
  static byte[] bytes(Rotary cache, int first, int end, boolean sine, FloatType type) {
    byte[] bytes = new byte[Math.toIntExact((long) (end - first) * cache.columns() * type.bytes())];
    int at = 0;
    for (int position = first; position < end; position++) {
      for (int column = 0; column < cache.columns(); column++, at += type.bytes()) {
        type.put(bytes, at, sine ? cache.sine(position, column) : cache.cosine(position, column));
      }
    }
    return bytes;
  }
}
