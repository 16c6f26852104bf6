package dev.phial.target;

import dev.phial.target.gguf.GgufTarget;
import java.util.List;
import java.util.Optional;

/** Every target there is. */
public final class Targets {
  public static final List<Target> ALL = List.of(new GgufTarget());

  private Targets() {}

  public static Optional<Target> named(String name) {
    return ALL.stream().filter(target -> target.name().equals(name)).findFirst();
  }
}
