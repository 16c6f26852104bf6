package dev.phial.engine.doctor;

import dev.phial.source.Checkpoint;
import dev.phial.source.Gguf;
import dev.phial.source.HuggingFace;
import dev.phial.target.Target;
import dev.phial.target.Targets;
import java.util.Optional;

/**
 * Where the runtime that loads this format departs from the reference for this model: LongRoPE, the
 * window of attention, the router of experts.
 */
final class RuntimeDifferences implements Check {
  @Override
  public String name() {
    return "runtime";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    patient
        .model()
        .ifPresent(model ->
            target(patient.checkpoint())
                .ifPresent(target ->
                    target
                        .caveats(model)
                        .forEach(caveat ->
                            findings.note(caveat, "answers may differ from the reference's"))));
  }

  private static Optional<Target> target(Checkpoint checkpoint) {
    String name =
        switch (checkpoint) {
          case Gguf gguf -> "gguf";
          case HuggingFace folder -> folder.isMlx() ? "mlx" : folder.isOnnx() ? "onnx" : "";
        };
    return Targets.ALL.stream().filter(target -> target.name().equals(name)).findAny();
  }
}
