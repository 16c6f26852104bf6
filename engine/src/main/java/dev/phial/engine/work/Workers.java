package dev.phial.engine.work;

import dev.phial.source.Checkpoint;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.util.List;

/** Machines that do tasks, and see the same files as this one. */
public interface Workers {
  /**
   * Has all tasks of a job done, each at least once, in any order and at the same time.
   *
   * @param results told what each task wrote, one after the other in the order of the tasks
   * @throws dev.phial.PhialException as the first task that failed, or if the machines cannot do it
   */
  <T extends Serializable> void run(Job<T> job, List<T> tasks, Results results);

  /** Where the others find a model that is open here: a path or a URI that they can open. */
  String whereIs(Checkpoint checkpoint);

  /** Takes what tasks wrote. */
  @FunctionalInterface
  interface Results {
    /**
     * Takes one.
     *
     * @param task its number
     */
    void take(int task, InputStream written) throws IOException;
  }
}
