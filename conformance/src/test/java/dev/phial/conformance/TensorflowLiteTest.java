package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** TensorFlow Lite 2.20, older than LiteRT, computes from Java what our engine does. */
final class TensorflowLiteTest {
  private static final JsonNode LOGITS = Json.MAPPER.readTree(Phial.resource("onnx-logits.json"));
  private static final int GENERATED = 24;

  @TempDir Path folder;

  /**
   * The runtime's own kernels multiply numbers, and XNNPACK integers; what they cannot do of the
   * latter is in docs/formats.md.
   */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3, fp32, false, 1e-5",
    "phi2, fp32, false, 1e-5",
    "phi4-mini, fp32, false, 1e-5",
    "tiny-phi3, int8, true, 0.01",
    "tiny-phi3, 'w8a8,calibration-chunks=8,calibration-context=64', false, 0.02"
  })
  void computesWhatOurEngineDoes(
      String model, String precision, boolean delegates, double tolerance) {
    String to = "litert:%s,no-bundle,context=256".formatted(precision);
    Path output = folder.resolve("model");
    Phial.call(List.of("quantize", Phial.model(model), "--to", to, "-o", output.toString()))
        .succeeded();
    int[] ids =
        LOGITS.at("/" + model + "/short/ids").valueStream().mapToInt(JsonNode::intValue).toArray();
    List<Integer> theirs = new ArrayList<>();
    List<Integer> ours = new ArrayList<>();
    try (TensorflowLite runtime = TensorflowLite.open(output.resolve("model.tflite"), delegates);
        Checkpoint checkpoint = Sources.open(output);
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F32)) {
        float[] found = runtime.next(ids);
        float[] expected = session.next(ids);
        assertThat(Logits.distance(found, expected)).isLessThan(tolerance);
        for (int i = 0; i < GENERATED; i++) {
          theirs.add(Logits.likeliest(found));
          ours.add(Logits.likeliest(expected));
          found = runtime.next(theirs.getLast());
          expected = session.next(ours.getLast());
        }
      }
    }
    assertThat(theirs).isEqualTo(ours);
  }
}
