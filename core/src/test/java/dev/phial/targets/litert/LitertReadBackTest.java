package dev.phial.targets.litert;

import static dev.phial.quant.activation.ActivationPoint.VALUE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Format;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.SomeRanges;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.CalibrationText;
import dev.phial.targets.ExportedFolder;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Weights;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Sink;
import dev.phial.targets.openvino.OpenvinoTarget;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What was written is read back. */
final class LitertReadBackTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"tiny-phi3", "phi2", "phi3-mini-4k", "phi3-medium-128k", "phi4", "phi4-mini"})
  void wholeNumbersComeBack(String model) {
    ExportedFolder.write(new LitertTarget(), model, "fp32", folder);
    try (Checkpoint original = Sources.open(Fixtures.model(model));
        Checkpoint again = Sources.open(folder.resolve("litert"))) {
      assertThat(again.kind()).isEqualTo("litert");
      ModelDescription expected = Families.describe(original);
      ModelDescription found = Families.describe(again);
      assertThat(found.hyperparameters()).isEqualTo(expected.hyperparameters());
      Map<String, Weight> weights = Weights.of(found);
      assertThat(weights).hasSameSizeAs(expected.weights());
      for (Weight weight : expected.weights()) {
        assertThat(Weights.values(get(weights, weight)))
            .as(weight.ggufName())
            .isEqualTo(Weights.values(weight));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,'int4,pure,no-bundle'",
    "tiny-phi3,'int4,pure,block-size=128'",
    "tiny-phi3,'int4,pure,block-size=-1'",
    "tiny-phi3,'int4,pure,head=fp16'",
    "tiny-phi3,int8",
    "phi2,int8",
    "phi4-mini,'int4,pure'",
    "phi4-mini,'int8,context=256'",
    "phi3-medium-128k,'int8,prefill=64'"
  })
  void everyCodeComesBack(String model, String spelling) {
    Set<Format> formats =
        ExportedFolder.write(new LitertTarget(), model, spelling, folder).tensors().stream()
            .map(PlannedTensor::format)
            .collect(Collectors.toSet());
    try (Checkpoint original = Sources.open(Fixtures.model(model));
        Checkpoint again = Sources.open(folder.resolve("litert"))) {
      ModelDescription expected = Families.describe(original);
      Map<String, Weight> weights = Weights.of(Families.describe(again));
      assertThat(weights).hasSameSizeAs(expected.weights());
      for (Weight weight : expected.weights()) {
        Weight other = get(weights, weight);
        assertThat(formats)
            .as("%s as %s", weight.ggufName(), other.encoding().name())
            .anyMatch(format -> Weights.areOf(format, weight, other));
      }
    }
  }

  /** With ranges that are known beforehand, projections lie apart, each with codes of its own. */
  @Test
  void codesOfActivationsComeBack() {
    Path output = folder.resolve("static");
    try (Checkpoint original = Sources.open(Fixtures.model("phi4-mini"))) {
      ModelDescription model = Families.describe(original);
      Request request = new Request(original, model, Optional.of("w8a8"), Options.NONE);
      Layout layout =
          new LitertTarget().plan(request.with(SomeRanges.of(model.hyperparameters().layers())));
      try (Sink sink = layout.open(output, false)) {
        assertThat(Pass.run(List.of(sink), 2, Progress.NONE)).isEmpty();
      }
    }
    try (Checkpoint again = Sources.open(output)) {
      assertThat(again.activations().inputs()).isEmpty();
      assertThat(again.activations().codes())
          .hasSize(11 * Families.describe(again).hyperparameters().layers() + 2)
          .containsEntry(VALUE.in(1), ActivationCodes.of(new ActivationRange(-3, 4), 8));
      assertThat(again.tensors())
          .containsKey("model.layers.1.self_attn.qkv_proj.weight")
          .doesNotContainKeys("model.layers.1.self_attn.q_proj.weight", "lm_head.weight");
    }
  }

  /** The operators tell what parameters are, where they have no names, as from litert-torch. */
  @ParameterizedTest
  @CsvSource({"tiny-phi3,int8", "phi4-mini,'int4,pure'", "phi3-medium-128k,fp32"})
  void namesAreNotNeeded(String model, String spelling) throws IOException {
    ExportedFolder.write(new LitertTarget(), model, spelling + ",no-bundle", folder);
    Path file = folder.resolve("litert/model.tflite");
    String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
    Path unnamed = folder.resolve("unnamed");
    Files.createDirectory(unnamed);
    Files.copy(folder.resolve("litert/config.json"), unnamed.resolve("config.json"));
    Files.writeString(
        unnamed.resolve("model.tflite"),
        bytes.replace(".weight", ".number"),
        StandardCharsets.ISO_8859_1);
    try (Checkpoint named = Sources.open(folder.resolve("litert"));
        Checkpoint found = Sources.open(unnamed)) {
      assertThat(found.activations()).isEqualTo(named.activations());
      assertThat(found.tensors().keySet())
          .containsExactlyInAnyOrderElementsOf(named.tensors().keySet());
      named
          .tensors()
          .forEach((name, tensor) ->
              assertThat(
                      Objects.requireNonNull(found.tensors().get(name))
                          .data()
                          .mismatch(tensor.data()))
                  .as(name)
                  .isEqualTo(-1));
    }
  }

  /** Codes that come from a folder of ours go there again as they are. */
  @ParameterizedTest
  @ValueSource(strings = {"int8", "int4,pure", "int4,pure,block-size=-1"})
  void codesAreCarried(String spelling) {
    ExportedFolder.write(new LitertTarget(), "tiny-phi3", spelling, folder);
    Path carried = folder.resolve("carried");
    try (Checkpoint source = Sources.open(folder.resolve("litert"));
        Sink sink = new LitertTarget().plan(carrying(source)).open(carried, false)) {
      assertThat(Pass.run(List.of(sink), 2, Progress.NONE)).isEmpty();
      try (Checkpoint again = Sources.open(carried)) {
        assertThat(again.tensors().keySet()).isEqualTo(source.tensors().keySet());
        for (Map.Entry<String, Tensor> entry : again.tensors().entrySet()) {
          Tensor before = Objects.requireNonNull(source.tensors().get(entry.getKey()));
          assertThat(entry.getValue().encoding()).isEqualTo(before.encoding());
          assertThat(entry.getValue().data().mismatch(before.data())).isEqualTo(-1);
        }
      }
    }
  }

  /** XNNPACK refuses a model for a scale below zero. */
  @Test
  void scalesBelowZeroAreNotCarried() {
    Path codes = folder.resolve("codes");
    try (Checkpoint original = Sources.open(Fixtures.model("tiny-phi3"));
        Sink sink =
            new OpenvinoTarget()
                .plan(
                    new Request(
                        original,
                        Families.describe(original),
                        Optional.of("int8"),
                        new Options(Map.of("sym", List.of()))))
                .open(codes, false)) {
      Pass.run(List.of(sink), 2, Progress.NONE);
    }
    try (Checkpoint source = Sources.open(codes);
        Sink sink = new LitertTarget().plan(carrying(source)).open(folder.resolve("x"), false)) {
      assertThatThrownBy(() -> Pass.run(List.of(sink), 2, Progress.NONE))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining("expected positive scales");
    }
  }

  private static Request carrying(Checkpoint source) {
    return new Request(
        source,
        Families.describe(source),
        Optional.empty(),
        Options.NONE,
        Method.KEEP,
        CalibrationText.USUAL,
        Optional.empty());
  }

  private static Weight get(Map<String, Weight> weights, Weight like) {
    assertThat(weights).containsKey(Weights.key(like));
    return Objects.requireNonNull(weights.get(Weights.key(like)));
  }
}
