package dev.phial.io;

/** Shown how far long work has come, one stage after the other. */
@FunctionalInterface
public interface Progress {
  /** For those who do not want to know. */
  Progress NONE = (unit, total) -> (what, amount) -> {};

  /** What is counted. */
  enum Unit {
    BYTES,
    TOKENS,
    QUESTIONS,
    WEIGHTS
  }

  /**
   * Begins a stage.
   *
   * @param total how much there is to do; more may be done in fact
   */
  Stage begin(Unit unit, long total);

  /** A part of the work that is counted in one unit; advanced by several threads. */
  @FunctionalInterface
  interface Stage extends AutoCloseable {
    /** Called after each piece of work, with a word on what it was done to. */
    void advance(String what, long amount);

    /** Ends the stage, done or not. */
    @Override
    default void close() {}
  }
}
