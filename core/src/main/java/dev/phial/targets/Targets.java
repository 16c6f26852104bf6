package dev.phial.targets;

import dev.phial.targets.gguf.GgufTarget;
import dev.phial.targets.litert.LitertTarget;
import dev.phial.targets.mlx.MlxTarget;
import dev.phial.targets.onnx.OnnxTarget;
import dev.phial.targets.openvino.OpenvinoTarget;
import dev.phial.targets.torch.AwqTarget;
import dev.phial.targets.torch.BnbTarget;
import dev.phial.targets.torch.GptqTarget;
import dev.phial.targets.torch.TorchTarget;
import java.util.List;
import java.util.Optional;

/** Every target there is. */
public final class Targets {
  public static final List<Target> ALL =
      List.of(
          new GgufTarget(),
          new OnnxTarget(),
          new OpenvinoTarget(),
          new MlxTarget(),
          new LitertTarget(),
          new TorchTarget(),
          new GptqTarget(),
          new AwqTarget(),
          new BnbTarget());

  private Targets() {}

  public static Optional<Target> named(String name) {
    return ALL.stream().filter(target -> target.name().equals(name)).findFirst();
  }
}
