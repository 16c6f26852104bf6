package dev.phial.source;

import dev.phial.quant.activation.RoundedActivations;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The tensors of a checkpoint and the files they are mapped from. */
final class Weights implements AutoCloseable {
  private final Arena arena;
  private final List<Path> files;
  private final Map<String, Tensor> tensors;
  private final Naming naming;
  private final RoundedActivations activations;
  private final Optional<Arrivals> arrivals;
  private Map<Path, String> hashes = Map.of(); // when they have been asked for

  /**
   * @param tensors by name, in the order of the files
   * @param activations what is rounded between the layers
   * @param arrivals what brings the files, if they are not here
   */
  Weights(
      Arena arena,
      List<Path> files,
      Map<String, Tensor> tensors,
      Naming naming,
      RoundedActivations activations,
      Optional<Arrivals> arrivals) {
    this.arena = arena;
    this.files = List.copyOf(files);
    this.tensors = Collections.unmodifiableMap(tensors);
    this.naming = naming;
    this.activations = activations;
    this.arrivals = arrivals;
  }

  Weights(
      Arena arena,
      List<Path> files,
      Map<String, Tensor> tensors,
      Naming naming,
      RoundedActivations activations) {
    this(arena, files, tensors, naming, activations, Optional.empty());
  }

  Weights(Arena arena, List<Path> files, Map<String, Tensor> tensors, Naming naming) {
    this(arena, files, tensors, naming, RoundedActivations.NONE, Optional.empty());
  }

  /** The same weights with other tensors for some, mapped in the same {@link #arena}. */
  Weights with(Map<String, Tensor> adapted) {
    return new Weights(arena, files, adapted, naming, activations, arrivals);
  }

  /** What the files are mapped in. */
  Arena arena() {
    return arena;
  }

  List<Path> files() {
    return files;
  }

  Map<String, Tensor> tensors() {
    return tensors;
  }

  Naming naming() {
    return naming;
  }

  RoundedActivations activations() {
    return activations;
  }

  Optional<Arrivals> arrivals() {
    return arrivals;
  }

  synchronized Map<Path, String> hashes() {
    if (arrivals.isPresent()) {
      return arrivals.get().hashes();
    }
    if (hashes.isEmpty()) {
      hashes = Sha256.of(files);
    }
    return hashes;
  }

  @Override
  public void close() {
    arena.close();
    arrivals.ifPresent(Arrivals::close);
  }
}
