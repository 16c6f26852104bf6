package dev.phial.engine.work;

import dev.phial.source.Checkpoint;

/** A machine that does tasks, as a task sees it. */
@FunctionalInterface
public interface Place {
  /**
   * Opens a model.
   *
   * @param where as {@link Workers#whereIs} says
   * @throws dev.phial.PhialException.BadInput if it is not there
   */
  Checkpoint open(String where);
}
