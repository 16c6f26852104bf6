package dev.phial.target;

import dev.phial.target.gguf.GgufTarget;
import dev.phial.target.mlx.MlxTarget;
import dev.phial.target.onnx.OnnxTarget;
import dev.phial.target.openvino.OpenvinoTarget;
import java.util.List;
import java.util.Optional;

/** Every target there is. */
public final class Targets {
  public static final List<Target> ALL =
      List.of(new GgufTarget(), new OnnxTarget(), new OpenvinoTarget(), new MlxTarget());

  private Targets() {}

  public static Optional<Target> named(String name) {
    return ALL.stream().filter(target -> target.name().equals(name)).findFirst();
  }
}
