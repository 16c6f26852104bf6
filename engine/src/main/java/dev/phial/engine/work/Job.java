package dev.phial.engine.work;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;

/**
 * Tasks of one kind, and all that a machine must know to do them. What a task writes depends on
 * nothing else.
 *
 * @param <T> what distinguishes tasks
 */
public interface Job<T extends Serializable> extends Serializable {
  /** What it does, in a few words, for those who watch. */
  String title();

  /** How much of {@link #unit} a task is, for those who measure. */
  long amount(T task);

  /** What is counted. */
  String unit();

  /**
   * Does one task, in this thread.
   *
   * @param place where it is done
   * @throws dev.phial.PhialException if it cannot be done here or anywhere
   * @throws IOException if what it writes cannot be kept; another machine may do better
   */
  void run(T task, Place place, DataOutputStream out) throws IOException;
}
