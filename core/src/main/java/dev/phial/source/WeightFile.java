package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;

/** A single file of weights without the folder that says what they mean; good for looking into. */
public final class WeightFile implements AutoCloseable {
  private final Path path;
  private final boolean isSafetensors;
  private final Arena arena = Arena.ofShared();
  private final Map<String, Tensor> tensors;

  private WeightFile(Path path) {
    this.path = path;
    this.isSafetensors = path.toString().endsWith(HubFiles.SAFETENSORS);
    try {
      this.tensors = isSafetensors ? Safetensors.read(path, arena) : TorchPickle.read(path, arena);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Whether a file is there whose name ends as those of weights do. */
  public static boolean isAt(Path path) {
    String name = path.toString();
    return Files.isRegularFile(path)
        && (name.endsWith(HubFiles.SAFETENSORS) || name.endsWith(HubFiles.TORCH));
  }

  /**
   * Opens a file; only its header is read.
   *
   * @throws dev.phial.PhialException.BadInput if it is damaged
   */
  public static WeightFile open(Path path) {
    return new WeightFile(path);
  }

  public Path path() {
    return path;
  }

  /** {@code safetensors} or {@code pytorch}. */
  public String kind() {
    return isSafetensors ? "safetensors" : "pytorch";
  }

  /** The tensors by name, in the order of the file. */
  public Map<String, Tensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  @Override
  public void close() {
    arena.close();
  }
}
