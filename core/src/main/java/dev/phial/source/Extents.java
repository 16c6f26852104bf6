package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where the tensors of a graph lie in the files beside it. Several tensors may be one, but none may
 * hold parts of another.
 */
final class Extents {
  private final Map<Path, TreeMap<Long, Long>> taken = new HashMap<>(); // beginnings and ends

  /**
   * @throws PhialException.BadInput if another tensor lies in these bytes, but not in all of them
   */
  void take(String name, Path file, long start, long end) {
    if (start == end) {
      return;
    }
    TreeMap<Long, Long> ranges = taken.computeIfAbsent(file, path -> new TreeMap<>());
    Map.Entry<Long, Long> before = ranges.floorEntry(start);
    Map.Entry<Long, Long> after = ranges.higherEntry(start);
    boolean isSame = before != null && before.getKey() == start && before.getValue() == end;
    if (!isSame
        && (before != null && before.getValue() > start || after != null && after.getKey() < end)) {
      throw Refusal.bad(
          file,
          "tensor %s: expected its bytes, %d to %d, to be its own, found another tensor in them",
          name,
          start,
          end);
    }
    ranges.put(start, end);
  }

  /**
   * Bytes of a tensor, the last block filled up.
   *
   * @throws PhialException.BadInput if no file is so large
   */
  static long bytes(Path file, String name, Encoding encoding, Shape shape) {
    try {
      if (shape.dimensions().stream().anyMatch(dimension -> dimension < 0)) {
        throw new ArithmeticException();
      }
      return Math.multiplyExact(
          Math.ceilDiv(shape.elements(), encoding.blockSize()), (long) encoding.blockBytes());
    } catch (ArithmeticException e) {
      throw Refusal.bad(
          file, "tensor %s: shape %s has more elements than fit in a file", name, shape);
    }
  }
}
