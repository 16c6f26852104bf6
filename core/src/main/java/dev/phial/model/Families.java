package dev.phial.model;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Gguf;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/** Every family there is, and the way from a checkpoint to its description. */
public final class Families {
  public static final List<Family> ALL =
      List.of(
          new Phi2(),
          Phi3.INSTANCE,
          new PhiMoe(),
          new Phi3Small(),
          new Phi3Vision(),
          new Phi4Multimodal(),
          new Phi4Siglip());

  /** What config.json called Phi-1, 1.5 and 2 before transformers had them. */
  private static final List<String> OLD_LAYOUTS = List.of("phi-msft", "mixformer-sequential");

  /** Phis that are known, and why none of their files would run anywhere. */
  private static final Map<String, String> UNSUPPORTED =
      Map.of(
          "Phi4FlashForCausalLM",
          "no edge runtime can run Phi4FlashForCausalLM (Phi-4-mini-flash-reasoning: Mamba layers, and attention that shares one cache), so there is nothing to write; take Phi-4-mini-reasoning",
          "llama",
          "expected a GGUF file of a Phi model, or of one rewritten as a Llama with queries, keys and values apart, found llama without them; take the original model");

  private Families() {}

  /**
   * Describes a checkpoint: every tensor gets its role, every role its tensor.
   *
   * @throws PhialException.Unsupported if it is no Phi model
   * @throws PhialException.BadInput if tensors are missing, unknown or of another shape than
   *     config.json says
   */
  public static ModelDescription describe(Checkpoint checkpoint) {
    Family family =
        checkpoint
            .folder()
            .map(folder -> of(folder.config().json(), checkpoint))
            .or(() -> checkpoint.gguf().map(gguf -> of(gguf, checkpoint)))
            .orElseThrow();
    return checkpoint.lender().isPresent()
        ? Describer.describe(family, checkpoint, describe(checkpoint.lender().get()))
        : Describer.describe(family, checkpoint);
  }

  /**
   * A checkpoint as one of a family, whatever its config.json calls it.
   *
   * @param name of the family
   * @throws PhialException.Usage if there is none of that name
   * @throws PhialException.Unsupported if it is no folder
   */
  public static Checkpoint as(Checkpoint checkpoint, String name) {
    Family family =
        ALL.stream()
            .filter(one -> one.name().equals(name))
            .findFirst()
            .orElseThrow(() ->
                new PhialException.Usage(
                    "--as: expected one of %s, found %s"
                        .formatted(
                            String.join(", ", ALL.stream().map(Family::name).toList()), name)));
    String note = "%s: read as %s, as was asked for".formatted(checkpoint.path(), name);
    return checkpoint
        .as(family.architectures().getFirst(), family.modelTypes().getFirst())
        .noting(List.of(note));
  }

  /** Whether a checkpoint has the tensors of a family, all of them and in their shapes. */
  private static boolean fits(Family family, Checkpoint checkpoint) {
    try {
      Describer.describe(family, checkpoint);
      return true;
    } catch (PhialException e) {
      return false;
    }
  }

  private static Family of(JsonNode config, Checkpoint checkpoint) {
    String type = config.path("model_type").stringValue("");
    if (OLD_LAYOUTS.contains(type)) {
      throw new PhialException.Unsupported(
          "%s: expected Phi-1, 1.5 or 2 in the layout of transformers, found that of its first upload (%s); convert it with transformers' convert_phi_weights_to_hf.py, or download it anew"
              .formatted(checkpoint.path(), type));
    }
    String first = config.path("architectures").path(0).stringValue("");
    return first.isEmpty() && ALL.stream().anyMatch(family -> family.modelTypes().contains(type))
        ? find(checkpoint, type, Family::modelTypes)
        : find(checkpoint, first, Family::architectures);
  }

  private static Family of(Gguf gguf, Checkpoint checkpoint) {
    return find(
        checkpoint,
        gguf.text("general.architecture").orElse(""),
        family -> family.ggufArchitecture().stream().toList());
  }

  private static Family find(
      Checkpoint checkpoint, String architecture, Function<Family, List<String>> architectures) {
    Optional<Family> found =
        ALL.stream()
            .filter(family -> architectures.apply(family).contains(architecture))
            .findFirst();
    return found.orElseThrow(() -> unknown(checkpoint, architecture, architectures));
  }

  private static PhialException unknown(
      Checkpoint checkpoint, String architecture, Function<Family, List<String>> architectures) {
    String reason = UNSUPPORTED.get(architecture);
    if (reason != null) {
      return new PhialException.Unsupported("%s: %s".formatted(checkpoint.path(), reason), reason);
    }
    return new PhialException.Unsupported(
        "%s: expected the architecture of a Phi model (%s), found %s%s"
            .formatted(
                checkpoint.path(),
                String.join(
                    ", ", ALL.stream().flatMap(f -> architectures.apply(f).stream()).toList()),
                architecture.isEmpty() ? "none" : architecture,
                checkpoint.folder().isPresent() ? advice(checkpoint) : ""));
  }

  private static String advice(Checkpoint checkpoint) {
    return ALL.stream()
        .filter(family -> fits(family, checkpoint))
        .findFirst()
        .map(family ->
            ", whose tensors are those of %s: name %s in its config.json, or pass --as %s where that is an option"
                .formatted(family.name(), family.architectures().getFirst(), family.name()))
        .orElse(", which fits none of these as its config.json describes it");
  }
}
