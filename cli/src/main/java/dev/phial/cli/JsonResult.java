package dev.phial.cli;

import dev.phial.Printable;
import dev.phial.Version;
import tools.jackson.databind.node.ObjectNode;

/** Results of commands as JSON on standard output, each with the version of Phial that it is of. */
final class JsonResult {
  private JsonResult() {}

  /** Prints one, and what it took to find it. */
  static void print(ObjectNode result, Stopwatch stopwatch) {
    print(
        result.put("seconds", stopwatch.seconds()).put("peak_memory_bytes", stopwatch.peakBytes()));
  }

  /** Prints one. */
  static void print(ObjectNode result) {
    System.out.println(Printable.json(signed(result).toPrettyString()));
  }

  /** Prints one of several, on a line of its own. */
  static void printLine(ObjectNode result) {
    System.out.println(Printable.json(signed(result).toString()));
  }

  private static ObjectNode signed(ObjectNode result) {
    return result.put("phial", Version.current());
  }
}
