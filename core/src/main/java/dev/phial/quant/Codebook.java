package dev.phial.quant;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/**
 * The points that a group of 8 or 4 elements may take in the IQ1, IQ2 and IQ3 types. A point is
 * packed as the levels of its coordinates, {@link #bits} each, the first lowest.
 *
 * <p>{@code tools/make-grids.py} writes the files and describes them.
 */
final class Codebook {
  /** Coordinates of a point. */
  final int dimensions;

  /** Bits of a level in a packed point. */
  final int bits;

  /** Levels of a coordinate. */
  final int levels;

  private final char[] points;
  private final byte[] values; // [points][dimensions]

  private Codebook(int dimensions, byte[] packed, int... values) {
    this.dimensions = dimensions;
    this.bits = dimensions == 8 ? 2 : 3;
    this.levels = values.length;
    points = new char[packed.length / 2];
    this.values = new byte[points.length * dimensions];
    for (int index = 0; index < points.length; index++) {
      int point = packed[2 * index] & 0xFF | (packed[2 * index + 1] & 0xFF) << 8;
      points[index] = (char) point;
      for (int i = 0; i < dimensions; i++) {
        this.values[index * dimensions + i] = (byte) values[level(point, i)];
      }
    }
  }

  /**
   * Reads a codebook that comes with Phial.
   *
   * @param values what the levels stand for to a reader
   */
  static Codebook read(String name, int dimensions, int... values) {
    String file = name + ".grid";
    try (InputStream in = Codebook.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new AssertionError(file + " is not beside the class that reads it");
      }
      return new Codebook(dimensions, in.readAllBytes(), values);
    } catch (IOException e) {
      throw new UncheckedIOException(file, e);
    }
  }

  /** Number of points. */
  int size() {
    return points.length;
  }

  /** The packed point of this number. */
  int point(int index) {
    return points[index];
  }

  /** The level of coordinate {@code i} of a packed point. */
  int level(int point, int i) {
    return point >> bits * i & (1 << bits) - 1;
  }

  /** What a reader sees as coordinate {@code i} of the point of this number. */
  int value(int index, int i) {
    return values[index * dimensions + i];
  }
}
