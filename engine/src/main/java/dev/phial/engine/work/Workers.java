package dev.phial.engine.work;

import dev.phial.source.Checkpoint;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.util.List;
import java.util.regex.Pattern;

/** Machines that do tasks, and see the same files as this one. */
public interface Workers {
  /** A letter alone is a drive. */
  Pattern URI = Pattern.compile("[a-z][a-z0-9+.-]+:/.*");

  /**
   * Has all tasks of a job done, each at least once, in any order and at the same time.
   *
   * @param results told what each task wrote, one after the other in the order of the tasks
   * @throws dev.phial.PhialException as the first task that failed, or if the machines cannot do it
   */
  <T extends Serializable> void run(Job<T> job, List<T> tasks, Results results);

  /** Whether a place is in a file system of theirs: {@code hdfs:}, {@code s3a:} and the like. */
  static boolean isTheirs(String where) {
    return URI.matcher(where).matches();
  }

  /**
   * Opens a model in a file system of theirs; its weights come here as they are read.
   *
   * @param where a URI
   * @throws dev.phial.PhialException.BadInput if it is not there
   */
  Checkpoint open(String where);

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
