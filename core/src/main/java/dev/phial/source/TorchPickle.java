package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;

/** A PyTorch checkpoint: a zip archive with a pickle. */
final class TorchPickle {
  private TorchPickle() {}

  static Map<String, Tensor> read(Path file, Arena arena) {
    if (file.toString().isEmpty()) {
      return Map.of();
    }
    throw new PhialException.Unsupported(file + ": PyTorch checkpoints are not read yet");
  }
}
