package dev.phial.targets.mlx;

import dev.phial.PhialException;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.TensorName;
import dev.phial.model.Vision;
import dev.phial.model.Weight;
import dev.phial.quant.FloatType;
import dev.phial.source.Checkpoint;
import dev.phial.targets.Clip;
import dev.phial.targets.Request;
import dev.phial.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/** What goes to mlx_vlm besides the text model of Phi-3-vision, which its {@code phi3_v} runs. */
final class MlxSight {
  static final String MODEL_TYPE = "phi3_v";

  private static final String RUNTIME = "mlx_vlm";
  private static final String ROOT = "model.vision_embed_tokens.";
  private static final String DERIVED = "position_ids";

  // of its CLIP_VIT_LARGE_PATCH14_336_CONFIG
  private static final int LAYERS = 24;
  private static final int INNER = 4096;

  private MlxSight() {}

  /** Whether an encoder goes with a model. */
  static boolean isAsked(Request request) {
    Optional<Vision> vision = Clip.of(request, RUNTIME);
    vision
        .filter(found -> found.layers() + 1 != LAYERS || found.inner() != INNER)
        .ifPresent(found -> {
          throw new PhialException.Unsupported(
              "%s: mlx_vlm runs encoders of %d layers, %d numbers wide inside, this one has %d of %d; pass --%s"
                  .formatted(
                      request.checkpoint().path(),
                      LAYERS,
                      INNER,
                      found.layers() + 1,
                      found.inner(),
                      Request.TEXT_ONLY.name()),
              "mlx_vlm runs no encoders of this size; --%s leaves it out"
                  .formatted(Request.TEXT_ONLY.name()));
        });
    return vision.isPresent();
  }

  /**
   * The parameters of the encoder and the projector under their own names, as numbers: mlx_vlm
   * wants the last layer too, though nothing reads it, and turns patches when it loads them.
   */
  static List<MlxTensor> tensors(Checkpoint checkpoint, Optional<FloatType> dtype) {
    return checkpoint.tensors().values().stream()
        .filter(tensor -> tensor.name().startsWith(ROOT) && !tensor.name().endsWith(DERIVED))
        .map(tensor ->
            new MlxTensor(
                weight(tensor),
                dtype.orElseGet(() -> FloatType.nearest(tensor.encoding())),
                Optional.empty(),
                Optional.empty()))
        .toList();
  }

  private static Weight weight(Tensor tensor) {
    TensorName name = new TensorName(Role.VISION, tensor.name(), "", h -> tensor.shape());
    return new Weight(name, -1, Part.WEIGHT, tensor.shape(), List.of(tensor));
  }
}
