package dev.phial.targets.onnx;

import dev.phial.graph.RotaryCache;
import dev.phial.quant.FloatType;
import java.util.List;

/**
 * Cosines or sines of positions, {@code [positions, rotary dimensions / 2]}, of one cache or of
 * several one below the other.
 */
final class RotaryTable extends Storage {
  private static final int CHUNK = 1024;

  private final List<Stretch> stretches;
  private final boolean sine;
  private final FloatType type;

  /** The first {@code positions} positions of a cache. */
  record Stretch(RotaryCache cache, int positions) {}

  RotaryTable(String name, List<Stretch> stretches, boolean sine, FloatType type) {
    super(
        List.of(
            Initializer.of(
                name,
                OnnxType.of(type),
                stretches.stream().mapToLong(Stretch::positions).sum(),
                stretches.getFirst().cache.columns())));
    this.stretches = stretches;
    this.sine = sine;
    this.type = type;
  }

  @Override
  void begin(DataFile file) {
    long at = 0;
    for (Stretch stretch : stretches) {
      for (int position = 0; position < stretch.positions; position += CHUNK) {
        int end = Math.min(position + CHUNK, stretch.positions);
        byte[] bytes = bytes(stretch.cache, position, end, sine, type);
        file.write(initializers().getFirst(), bytes, at);
        at += bytes.length;
      }
    }
  }

  @Override
  FloatType type() {
    return type;
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int rows) {
    throw new AssertionError("no parameter belongs here");
  }

  /** The table's rows from {@code first} up to {@code end}. */
  static byte[] bytes(RotaryCache cache, int first, int end, boolean sine, FloatType type) {
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
