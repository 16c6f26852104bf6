package dev.phial.targets.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.model.Families;
import dev.phial.model.Family;
import dev.phial.model.TinyCheckpoint;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Of models that see and hear, the text model alone is written, as a runtime opens it. */
final class TextModelTest {
  @TempDir Path folder;

  static List<Family> families() {
    return Families.ALL.stream().filter(family -> family != family.text()).toList();
  }

  @ParameterizedTest
  @MethodSource("families")
  void isAPhi3(Family family) throws IOException {
    TinyCheckpoint tiny = TinyCheckpoint.of(family, folder);
    try (Checkpoint checkpoint = tiny.open()) {
      assertThat(checkpoint.notes()).singleElement().asString().contains("its text model alone");
    }
    Export export = Export.write(tiny.folder(), "int4", folder);
    assertThat(Files.readString(export.folder().resolve(GenaiConfig.NAME)))
        .contains("\"type\": \"phi3\"");
    try (Checkpoint again = Sources.open(export.folder())) {
      assertThat(Families.describe(again).family().name()).isEqualTo("phi3");
      assertThat(again.notes()).isEmpty();
    }
  }
}
