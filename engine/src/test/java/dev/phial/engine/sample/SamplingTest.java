package dev.phial.engine.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.engine.GgufFile;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SamplingTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "-1,   0,  1,   0,   1,   '--temperature: expected a number from 0 to 100, found -1'",
    "NaN,  0,  1,   0,   1,   '--temperature: expected a number from 0 to 100, found NaN'",
    "101,  0,  1,   0,   1,   '--temperature: expected a number from 0 to 100, found 101'",
    "1,    -1, 1,   0,   1,   '--top-k: expected a number of at least 0, found -1'",
    "1,    0,  0,   0,   1,   '--top-p: expected a number above 0 and at most 1, found 0'",
    "1,    0,  1.5, 0,   1,   '--top-p: expected a number above 0 and at most 1, found 1.5'",
    "1,    0,  1,   2,   1,   '--min-p: expected a number from 0 to 1, found 2'",
    "1,    0,  1,   0,   0,   '--repetition-penalty: expected a number above 0 and at most 100, found 0'",
  })
  void refusesSenselessValues(
      double temperature, int topK, double topP, double minP, double penalty, String message) {
    assertThatThrownBy(() -> new Sampling(temperature, topK, topP, minP, penalty))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessage(message);
  }

  @Test
  void isGreedyUnlessTheCheckpointWantsMore() throws IOException {
    assertThat(of(Fixtures.model("phi4"))).isEqualTo(Sampling.GREEDY);
    assertThat(ofFolder("{\"temperature\": 0.6}")).isEqualTo(Sampling.GREEDY);
    assertThat(ofFolder("{\"do_sample\": true}")).isEqualTo(new Sampling(1, 50, 1, 0, 1));
    assertThat(ofFolder("{\"do_sample\": true, \"temperature\": 0.8, \"top_p\": 0.95}"))
        .isEqualTo(new Sampling(0.8, 50, 0.95, 0, 1));
    assertThat(
            ofFolder(
                "{\"do_sample\": true, \"top_k\": 20, \"min_p\": 0.1, \"repetition_penalty\": 1.2}"))
        .isEqualTo(new Sampling(1, 20, 1, 0.1, 1.2));
  }

  @Test
  void refusesSenselessCheckpoints() {
    assertThatThrownBy(() -> ofFolder("{\"do_sample\": true, \"temperature\": -3}"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(
            "recommends senseless sampling: temperature: expected a number from 0 to 100, found -3");
    assertThatThrownBy(() -> ofFolder("{\"do_sample\": true, \"top_p\": \"x\"}"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("expected a number in field top_p");
  }

  @Test
  void readsMetadata() {
    GgufFile none = new GgufFile().text("general.architecture", "phi3");
    assertThat(of(none.write(folder.resolve("none.gguf")))).isEqualTo(Sampling.GREEDY);
    GgufFile some =
        new GgufFile()
            .real("general.sampling.temp", 0.8f)
            .whole("general.sampling.top_k", 30)
            .real("general.sampling.top_p", 0.95f);
    assertThat(of(some.write(folder.resolve("some.gguf"))))
        .isEqualTo(new Sampling(0.8, 30, 0.95, 0, 1));
  }

  private Sampling ofFolder(String json) throws IOException {
    Path model = Fixtures.model("phi4");
    for (String name : new String[] {"config.json", "model.safetensors"}) {
      if (!Files.exists(folder.resolve(name))) {
        Files.copy(model.resolve(name), folder.resolve(name));
      }
    }
    Files.writeString(folder.resolve("generation_config.json"), json);
    return of(folder);
  }

  private static Sampling of(Path path) {
    try (Checkpoint checkpoint = Sources.open(path)) {
      return Sampling.of(checkpoint);
    }
  }
}
