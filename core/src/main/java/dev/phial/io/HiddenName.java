package dev.phial.io;

import java.nio.charset.StandardCharsets;

/** What outputs are called while they are made: hidden, beside the place where they will appear. */
public final class HiddenName {
  /** Bytes of an output's name that fit into a hidden one: most systems allow 255 in all. */
  private static final int LONGEST = 200;

  private HiddenName() {}

  /** With what all hidden names of an output begin; a long name is cut. */
  public static String start(String name) {
    if (name.getBytes(StandardCharsets.UTF_8).length <= LONGEST) {
      return "." + name + ".";
    }
    int end = 0;
    for (int bytes = 0; bytes < LONGEST - Long.BYTES; end = name.offsetByCodePoints(end, 1)) {
      bytes += Character.toString(name.codePointAt(end)).getBytes(StandardCharsets.UTF_8).length;
    }
    return ".%s~%08x.".formatted(name.substring(0, end), name.hashCode());
  }
}
