package dev.phial.engine.advise;

import java.util.List;
import java.util.Optional;

/**
 * Where a model is to run.
 *
 * @param kind phone, tablet, board, laptop or desktop
 * @param memory in GiB: of the card, where there is one
 * @param usable the share of it that a model may take
 * @param bandwidth of that memory in GB/s, if it is known
 * @param uses runtimes there are, those that are preferred first
 */
public record Device(
    String name,
    String title,
    String kind,
    Figure memory,
    Figure usable,
    Optional<Figure> bandwidth,
    List<Use> uses) {
  private static final double GIB = 1 << 30;

  public Device {
    uses = List.copyOf(uses);
  }

  /** Bytes that a model may take. */
  public long room() {
    return (long) (memory.value() * GIB * usable.value());
  }

  /** A device of which only the memory for a model is known. */
  static Device ofMemory(long bytes, String title, List<Use> uses) {
    String said = "as given";
    return new Device(
        "ram",
        title,
        "",
        new Figure(bytes / GIB, said),
        new Figure(1, said),
        Optional.empty(),
        uses);
  }
}
