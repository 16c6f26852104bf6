package dev.phial.engine.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.Fixtures;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import dev.phial.targets.layout.Sink;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is smoothed computes the same, and its ranges are narrower. */
final class SmoothQuantTest {
  private static final int LENGTH = 32;

  @TempDir Path folder;

  private static ActivationRanges ranges(ModelDescription description, Map<String, String> given) {
    int[] tokens = tokens(description, 3 * LENGTH);
    Map<String, List<String>> options = new HashMap<>();
    given.forEach((name, value) -> options.put(name, List.of(value)));
    try (Team team = new Team(2)) {
      return new ActivationCalibration(
              Model.of(description),
              team,
              tokens,
              LENGTH,
              Integer.MAX_VALUE,
              OptionalInt.empty(),
              CalibrationOptions.of(new Options(options)),
              ActivationPoint.OF_MATRICES)
          .run(read -> {});
    }
  }

  private static int[] tokens(ModelDescription description, int count) {
    return new Random(1).ints(count, 3, description.hyperparameters().vocabulary()).toArray();
  }

  private static float[] logits(Checkpoint checkpoint) {
    ModelDescription description = Families.describe(checkpoint);
    try (Team team = new Team(2);
        Session session =
            new Session(new Forward(Model.of(description), team, Observer.NONE), CacheType.F32)) {
      return session.next(tokens(description, LENGTH));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "phi2, fc1 fc2",
    "phi3-mini-4k, gate_proj up_proj down_proj",
    "phi4-mini, gate_proj up_proj down_proj"
  })
  void smoothingChangesNothing(String model, String names) {
    Path output = folder.resolve("onnx");
    Target onnx = Targets.named("onnx").orElseThrow();
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model))) {
      ModelDescription description = Families.describe(checkpoint);
      List<String> nodes = new ArrayList<>(List.of("/lm_head/MatMul"));
      for (int layer = 0; layer < description.hyperparameters().layers(); layer++) {
        String path = "/model/layers.%d/".formatted(layer);
        nodes.addAll(List.of(path + "attn/qkv_proj/MatMul", path + "attn/o_proj/MatMul"));
        for (String name : List.of(names.split(" ", -1))) {
          nodes.add(path + "mlp/" + name + "/MatMul");
        }
      }
      ActivationRanges ranges = ranges(description, Map.of());
      assertThat(ranges.smoothing()).hasSizeGreaterThan(2 * description.hyperparameters().layers());
      assertThat(ranges.smoothing().values())
          .allSatisfy(factors -> assertThat(factors).doesNotContain(1));
      Request request =
          new Request(
                  checkpoint,
                  description,
                  Optional.of("w8a8"),
                  new Options(Map.of("nodes-to-exclude", nodes)))
              .with(ranges);
      try (Sink sink = onnx.plan(request).open(output, false)) {
        assertThat(Pass.run(List.of(sink), 2, Progress.NONE)).isEmpty();
      }
      float[] expected = logits(checkpoint);
      try (Checkpoint smoothed = Sources.open(output)) {
        assertThat(Families.describe(smoothed).activations()).isEqualTo(RoundedActivations.NONE);
        float[] found = logits(smoothed);
        for (int i = 0; i < found.length; i++) {
          assertThat(found[i])
              .isCloseTo(expected[i], org.assertj.core.api.Assertions.within(1e-4f));
        }
      }
    }
  }

  @Test
  void everyMethodGivesARangeOfEveryPlace() {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model("tiny-phi3"))) {
      ModelDescription description = Families.describe(checkpoint);
      String none = "none";
      ActivationRanges all = ranges(description, Map.of("smooth-quant-alpha", none));
      assertThat(all.ranges()).hasSize(4 * description.hyperparameters().layers() + 1);
      assertThat(all.smoothing()).isEmpty();
      for (String method : List.of("percentile", "entropy")) {
        ActivationRanges most =
            ranges(description, Map.of("smooth-quant-alpha", none, "calibrate-method", method));
        assertThat(most.ranges().keySet()).isEqualTo(all.ranges().keySet());
        most.ranges()
            .forEach((place, range) -> {
              assertThat(range.low()).isGreaterThanOrEqualTo(all.range(place).low());
              assertThat(range.high()).isLessThanOrEqualTo(all.range(place).high());
            });
      }
      ActivationRanges smooth = ranges(description, Map.of());
      double before = all.ranges().values().stream().mapToDouble(SmoothQuantTest::width).sum();
      double after = smooth.ranges().values().stream().mapToDouble(SmoothQuantTest::width).sum();
      assertThat(after).isNotEqualTo(before);
      smooth
          .smoothing()
          .forEach((place, factors) ->
              assertThat(factors.length)
                  .isIn(
                      Arrays.asList(
                          description.hyperparameters().hidden(),
                          description.hyperparameters().feedForward())));
    }
  }

  private static double width(ActivationRange range) {
    return range.high() - range.low();
  }
}
