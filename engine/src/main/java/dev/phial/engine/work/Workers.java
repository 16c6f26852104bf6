package dev.phial.engine.work;

import dev.phial.source.Checkpoint;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Machines that do tasks, and see the same files as this one. */
public interface Workers {
  /** A scheme, and what follows; a letter alone is a drive. */
  Pattern URI = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]+)(:/.*)");

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

  /** A URI of theirs with its scheme in small letters, as file systems are looked up. */
  static String plain(String uri) {
    return URI.matcher(uri)
        .replaceFirst(parts ->
            Matcher.quoteReplacement(parts.group(1).toLowerCase(Locale.ROOT) + parts.group(2)));
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

  /**
   * Looks for what can be known to keep an output from a file system of theirs, before it is made;
   * gives up what a process that was killed left of it there.
   *
   * @param bytes of all that is to be delivered
   * @throws dev.phial.PhialException.OutputFailed if something is there that may not be replaced,
   *     or there is no room
   * @throws dev.phial.PhialException.Usage if it is a model that is read from there
   */
  void check(Delivery delivery, long bytes);

  /**
   * Copies an output into a file system of theirs, reads it again, and lets it appear.
   *
   * @param copied told of bytes that have been written
   * @throws dev.phial.PhialException.OutputFailed if that fails; it says whether something of it is
   *     left then
   */
  void deliver(Delivery delivery, LongConsumer copied);

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
