package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code phial doctor} as a user meets it; what it finds is tested in the engine. */
final class DoctorTest {
  @TempDir Path folder;

  @Test
  void passesWhatPhialWrites() {
    Phial.run(folder, List.of("quantize", "demo", "--to", "gguf:Q8_0", "-o", "a.gguf")).succeeded();
    Phial.run(folder, List.of("quantize", "demo", "--to", "mlx:4", "-o", "mlx")).succeeded();
    for (String model : new String[] {"a.gguf", "mlx"}) {
      Command.Result result =
          Phial.run(folder, List.of("doctor", model, "--against", "demo", "--json"));
      JsonNode findings = new JsonMapper().readTree(result.succeeded().out()).path("findings");
      assertThat(findings).isNotEmpty();
      for (JsonNode finding : findings) {
        assertThat(finding.propertyNames())
            .containsExactly("severity", "check", "found", "consequence");
        assertThat(finding.path("severity").asString()).isEqualTo("note");
      }
    }
  }

  @Test
  void failsWhereThereIsAnError() {
    Command.Result result =
        Phial.run(
            folder, List.of("doctor", Phial.model("phi4"), "--against", Phial.model("phi4-mini")));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.out())
        .contains("rotated dimensions of a head")
        .contains("the model reads what it was not trained to read")
        .containsPattern("\\d+ errors, 0 warnings, 0 notes");
    assertThat(Phial.run(folder, List.of("doctor", "nowhere")).status()).isEqualTo(1);
    assertThat(Phial.run(folder, List.of("doctor")).status()).isEqualTo(2);
  }
}
