package dev.phial.spark;

import dev.phial.PhialException;
import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * What an executor says of a task it has done.
 *
 * @param file of what the task wrote, as a URI
 * @param checksum CRC-32C of it
 * @param nanos that it took
 * @param failure if the task cannot be done, wherever it is tried
 */
record Written(
    String file, long checksum, String executor, long nanos, @Nullable PhialException failure)
    implements Serializable {}
