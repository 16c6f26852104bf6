package dev.phial.targets.layout;

/** A stretch of an output file that is one thing to its readers: a tensor, a header, a text. */
public interface Slot {
  /** What it is called, for messages; unique within an output. */
  String name();

  long bytes();

  /** A stretch that nothing more is known of. */
  static Slot of(String name, long bytes) {
    return new Named(name, bytes);
  }

  /** Nothing but a name and a size. */
  record Named(String name, long bytes) implements Slot {}
}
