package dev.phial.model;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Gguf;
import dev.phial.source.HuggingFace;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Every family there is, and the way from a checkpoint to its description. */
public final class Families {
  public static final List<Family> ALL =
      List.of(
          new Phi2(),
          new Phi3(),
          new PhiMoe(),
          new Phi3Small(),
          new Phi3Vision(),
          new Phi4Multimodal());

  private Families() {}

  /**
   * Describes a checkpoint: every tensor gets its role, every role its tensor.
   *
   * @throws PhialException.Unsupported if it is no Phi model
   * @throws PhialException.BadInput if tensors are missing, unknown or of another shape than
   *     config.json says
   */
  public static ModelDescription describe(Checkpoint checkpoint) {
    return switch (checkpoint) {
      case HuggingFace folder when folder.weights().isPresent() ->
          Describer.describe(of(folder), folder, describe(folder.weights().get()));
      case HuggingFace folder -> Describer.describe(of(folder), folder);
      case Gguf gguf -> Describer.describe(of(gguf), gguf);
    };
  }

  private static Family of(HuggingFace folder) {
    JsonNode first = folder.config().json().path("architectures").path(0);
    return find(folder, first.stringValue(""), family -> family.architectures());
  }

  private static Family of(Gguf gguf) {
    return find(
        gguf,
        gguf.text("general.architecture").orElse(""),
        family -> family.ggufArchitecture().stream().toList());
  }

  private static Family find(
      Checkpoint checkpoint,
      String architecture,
      java.util.function.Function<Family, List<String>> architectures) {
    Optional<Family> found =
        ALL.stream()
            .filter(family -> architectures.apply(family).contains(architecture))
            .findFirst();
    return found.orElseThrow(() ->
        new PhialException.Unsupported(
            "%s: expected the architecture of a Phi model (%s), found %s"
                .formatted(
                    checkpoint.path(),
                    String.join(
                        ", ", ALL.stream().flatMap(f -> architectures.apply(f).stream()).toList()),
                    architecture.isEmpty() ? "none" : architecture)));
  }
}
