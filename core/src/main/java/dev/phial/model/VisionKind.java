package dev.phial.model;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Encoders of images, by how they cut one up, and what their checkpoints call their parameters. */
public enum VisionKind {
  /** CLIP on squares of a stretched image and on all of it (Phi-3-vision, Phi-3.5-vision). */
  CLIP("model.vision_embed_tokens.", "img_processor.vision_model.", 1e-5),

  /** SigLIP on squares of an image and on all of it (Phi-4-multimodal). */
  SIGLIP("model.embed_tokens_extend.image_embed.", "img_processor.", 1e-6),

  /** SigLIP2 on an image of any shape (Phi-4-reasoning-vision). */
  NAFLEX("model.", "vision_tower.vision_tower.vision_model.", 1e-6);

  /** Where config.json does not tell, it is that of the published models. */
  static final int USUAL_HEADS = 16;

  private static final Map<String, VisionRole> PROJECTOR =
      Map.ofEntries(
          Map.entry("img_projection.0", VisionRole.PROJECTOR_UP),
          Map.entry("img_projection_up", VisionRole.PROJECTOR_UP),
          Map.entry("mm_projector.0", VisionRole.PROJECTOR_UP),
          Map.entry("img_projection.2", VisionRole.PROJECTOR_DOWN),
          Map.entry("img_projection_down", VisionRole.PROJECTOR_DOWN),
          Map.entry("mm_projector.2", VisionRole.PROJECTOR_DOWN),
          Map.entry("glb_GN", VisionRole.SEPARATOR),
          Map.entry("global_img_feature_extensor", VisionRole.SEPARATOR),
          Map.entry("sub_GN", VisionRole.ROW_END),
          Map.entry("sub_img_feature_extensor", VisionRole.ROW_END));

  private static final Map<String, VisionRole> TOWER =
      Map.of(
          "embeddings.patch_embedding", VisionRole.PATCHES,
          "embeddings.position_embedding", VisionRole.POSITIONS,
          "embeddings.class_embedding", VisionRole.CLASS,
          "pre_layrnorm", VisionRole.FIRST_NORM);

  private static final Map<String, VisionRole> LAYER =
      Map.of(
          "layer_norm1", VisionRole.ATTENTION_NORM,
          "self_attn.q_proj", VisionRole.ATTENTION_Q,
          "self_attn.k_proj", VisionRole.ATTENTION_K,
          "self_attn.v_proj", VisionRole.ATTENTION_V,
          "self_attn.out_proj", VisionRole.ATTENTION_OUTPUT,
          "layer_norm2", VisionRole.FFN_NORM,
          "mlp.fc1", VisionRole.FFN_UP,
          "mlp.fc2", VisionRole.FFN_DOWN);

  /** What follows the last layer, whose output no Phi uses. */
  private static final List<String> UNUSED =
      List.of("post_layernorm.", "head.", "embeddings.position_ids");

  private static final Pattern IN_LAYER = Pattern.compile("encoder\\.layers\\.(\\d{1,4})\\.(.+)");

  private final String root;
  private final String tower;
  private final double epsilon;

  VisionKind(String root, String tower, double epsilon) {
    this.root = root;
    this.tower = root + tower;
    this.epsilon = epsilon;
  }

  /** That its norms add where config.json does not tell. */
  double epsilon() {
    return epsilon;
  }

  /** Whether a tensor of this name is a part of such an encoder. */
  public boolean isIn(String name) {
    return name.startsWith(tower);
  }

  /** Whether a tensor is of no use to the model. */
  public boolean isUnused(String name) {
    return UNUSED.stream().anyMatch(module -> name.startsWith(tower + module));
  }

  /**
   * Where a parameter is in the encoder, if it is in it.
   *
   * @param name of a tensor
   */
  public Optional<Vision.Address> address(String name) {
    if (!name.startsWith(root)) {
      return Optional.empty();
    }
    Part part = name.endsWith(Part.BIAS.suffix()) ? Part.BIAS : Part.WEIGHT;
    String module = module(name, part);
    if (!module.startsWith(tower)) {
      return address(PROJECTOR.get(module.substring(root.length())), -1, part);
    }
    String inTower = module.substring(tower.length());
    Matcher layer = IN_LAYER.matcher(inTower);
    return layer.matches()
        ? address(LAYER.get(layer.group(2)), Integer.parseInt(layer.group(1)), part)
        : address(TOWER.get(inTower), -1, part);
  }

  /** What a parameter belongs to; the rows that stand for themselves are called so alone. */
  static String module(String name, Part part) {
    return name.endsWith(part.suffix())
        ? name.substring(0, name.length() - part.suffix().length())
        : name;
  }

  private static Optional<Vision.Address> address(@Nullable VisionRole role, int layer, Part part) {
    return Optional.ofNullable(role).map(known -> new Vision.Address(known, layer, part));
  }
}
