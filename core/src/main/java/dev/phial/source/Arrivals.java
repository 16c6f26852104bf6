package dev.phial.source;

import dev.phial.tensor.Arrival;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/**
 * Weight files that come from elsewhere while they are read. Any byte may be asked for at any time;
 * what is read from one end to the other is best announced.
 */
public interface Arrivals extends AutoCloseable {
  /**
   * Brings the bytes of one file.
   *
   * @param mapped all of it; where nothing has been asked for, it holds zeros
   */
  Arrival of(Path file, MemorySegment mapped);

  /** The files will be read from now on, all of this one; bytes are then awaited in their order. */
  void begin(Path file);

  /**
   * The file has been read.
   *
   * @throws dev.phial.PhialException if it did not arrive, or is not what it should be
   */
  void finish(Path file);

  /** Lets go of what has come; the checkpoint does it when it is closed. */
  @Override
  void close();

  /** SHA-256 of each, which {@link #finish} holds it to. */
  Map<Path, String> hashes();
}
