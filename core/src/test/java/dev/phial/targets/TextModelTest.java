package dev.phial.targets;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.model.Families;
import dev.phial.model.Family;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.TinyCheckpoint;
import dev.phial.model.Weight;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Where there is no encoder to take along, every target writes the text model alone: a Phi-3. */
final class TextModelTest {
  private static final Map<String, String> SPELLINGS =
      Map.of(
          "gguf", "F32",
          "onnx", "int4",
          "openvino", "fp32",
          "mlx", "float32",
          "litert", "fp32",
          "torch", "fp32",
          "gptq", "4",
          "awq", "4",
          "bnb", "nf4");

  @TempDir Path folder;

  static Stream<Arguments> familiesAndTargets() {
    return Families.ALL.stream()
        .filter(family -> family != family.text())
        .flatMap(family -> Targets.ALL.stream().map(target -> Arguments.of(family, target)));
  }

  @ParameterizedTest
  @MethodSource("familiesAndTargets")
  void isAPhi3(Family family, Target target) {
    TinyCheckpoint tiny = TinyCheckpoint.of(family, folder);
    try (Checkpoint checkpoint = tiny.open()) {
      ModelDescription model = Families.describe(checkpoint);
      assertThat(model.family()).isSameAs(family);
      assertThat(checkpoint.notes()).singleElement().asString().contains("its text model alone");
      ExportedFolder.write(
          target,
          tiny.folder(),
          Objects.requireNonNull(SPELLINGS.get(target.name())),
          folder.resolve("out"));
      try (Checkpoint again = Sources.open(folder.resolve("out"))) {
        ModelDescription found = Families.describe(again);
        assertThat(found.family().name()).isEqualTo("phi3");
        assertThat(again.notes()).isEmpty();
        assertThat(found.weights().stream().map(Weight::role))
            .containsAll(model.text().weights().stream().map(Weight::role).toList())
            .doesNotContain(Role.VISION, Role.PROJECTOR, Role.AUDIO, Role.ADAPTER);
      }
    }
  }
}
