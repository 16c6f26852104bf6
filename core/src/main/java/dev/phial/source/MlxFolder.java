package dev.phial.source;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** A folder that MLX quantized: one of the hub's layout, in which weights are codes. */
final class MlxFolder implements Source {
  @Override
  public boolean isAt(Path path) {
    Path config = path.resolve("config.json");
    return Files.isRegularFile(config)
        && HubFiles.areIn(path)
        && MlxWeights.quantization(Config.read(config)).isPresent();
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Folder folder = Folder.read(path);
    HubFiles files = HubFiles.read(path, arena, Optional.empty());
    return Checkpoint.of(
        "mlx",
        folder,
        new Weights(
            arena,
            files.files(),
            MlxWeights.attach(
                MlxWeights.quantization(folder.config()).orElseThrow(), files.tensors()),
            Naming.TRANSFORMERS));
  }
}
