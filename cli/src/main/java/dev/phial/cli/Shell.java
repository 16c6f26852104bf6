package dev.phial.cli;

/** Words for a command line that is shown to be copied. */
final class Shell {
  private Shell() {}

  /** A word as a shell takes it for one. */
  static String quoted(String word) {
    return word.matches("[\\w./:=,@+-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
