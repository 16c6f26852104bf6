package dev.phial.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import dev.phial.targets.layout.Sink;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What every family must do, shown on a checkpoint made from its own table of names. */
final class FamilyContractTest {
  private static final List<Family> FAMILIES = Families.ALL;

  @TempDir Path folder;

  @Test
  void everyArchitectureBelongsToOneFamily() {
    assertThat(FAMILIES.stream().map(Family::name)).doesNotHaveDuplicates();
    assertThat(FAMILIES.stream().flatMap(family -> family.architectures().stream()))
        .isNotEmpty()
        .doesNotHaveDuplicates();
    assertThat(FAMILIES.stream().flatMap(family -> family.ggufArchitecture().stream()))
        .doesNotHaveDuplicates();
  }

  @ParameterizedTest
  @FieldSource("FAMILIES")
  void noNameStandsTwiceInTheTable(Family family) {
    assertThat(family.names().stream().map(TensorName::huggingFace)).doesNotHaveDuplicates();
    assertThat(family.names().stream().map(TensorName::role)).doesNotHaveDuplicates();
    Set<String> gguf =
        family.names().stream()
            .map(TensorName::gguf)
            .collect(Collectors.toCollection(TreeSet::new));
    if (family.ggufArchitecture().isPresent()) {
      assertThat(gguf).hasSameSizeAs(family.names()).doesNotContain("");
    }
  }

  @ParameterizedTest
  @FieldSource("FAMILIES")
  void everyTensorGetsItsRoleAndEveryRoleItsTensor(Family family) {
    TinyCheckpoint tiny = TinyCheckpoint.of(family, folder);
    check(tiny, family);
    tiny.addBiases(family);
    check(tiny, family);
  }

  private static void check(TinyCheckpoint tiny, Family family) {
    try (Checkpoint checkpoint = tiny.open()) {
      ModelDescription model = Families.describe(checkpoint);
      assertThat(model.family().name()).isEqualTo(family.name());
      Set<String> names = new HashSet<>();
      for (Weight weight : model.weights()) {
        List<String> slices = weight.slices().stream().map(slice -> slice.name()).toList();
        if (!weight.name().isPrefix()) {
          String name = weight.name().huggingFace(weight.layer(), weight.part());
          for (int expert = 0; expert < slices.size(); expert++) {
            assertThat(slices.get(expert)).isEqualTo(name.replace("{}", Integer.toString(expert)));
          }
          assertThat(weight.shape().elements())
              .isEqualTo(
                  weight.slices().stream().mapToLong(slice -> slice.shape().elements()).sum());
        }
        names.addAll(slices);
      }
      assertThat(names).isEqualTo(tiny.tensors().keySet());
      assertThat(model.parameters())
          .isEqualTo(
              tiny.tensors().values().stream()
                  .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact))
                  .sum());
    }
  }

  static Stream<Family> ggufFamilies() {
    return FAMILIES.stream().filter(family -> family.ggufArchitecture().isPresent());
  }

  /** Written to GGUF and described again, it is the same model under other names. */
  @ParameterizedTest
  @MethodSource("ggufFamilies")
  void ggufTellsTheSame(Family family) {
    TinyCheckpoint tiny = TinyCheckpoint.of(family, folder);
    tiny.addBiases(family);
    try (Checkpoint checkpoint = tiny.open()) {
      ModelDescription model = Families.describe(checkpoint);
      try (Checkpoint gguf = convert(checkpoint, model)) {
        ModelDescription again = Families.describe(gguf);
        assertThat(again.family()).isSameAs(model.family());
        assertThat(hyperparameters(again)).isEqualTo(hyperparameters(model));
        assertThat(shapes(again, false)).isEqualTo(shapes(model, false));
        assertThat(gguf.tensors().keySet()).isEqualTo(shapes(again, true).keySet());
      }
    }
  }

  static List<String> fixtures() {
    return Fixtures.models();
  }

  /** The same for checkpoints in which the numbers are not all zero. */
  @ParameterizedTest
  @MethodSource("fixtures")
  void fixturesAreDescribed(String name) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(name))) {
      ModelDescription model = Families.describe(checkpoint);
      assertThat(shapes(model, true)).hasSameSizeAs(model.weights());
      boolean isRun = model.text().family().ggufArchitecture().isPresent();
      if (!isRun || !model.hyperparameters().sharesWidth()) {
        assertThatThrownBy(() -> convert(checkpoint, model))
            .isInstanceOf(PhialException.Unsupported.class)
            .hasMessageContaining("llama.cpp");
        return;
      }
      try (Checkpoint gguf = convert(checkpoint, model)) {
        ModelDescription again = Families.describe(gguf);
        assertThat(hyperparameters(again)).isEqualTo(hyperparameters(model));
        assertThat(shapes(again, false)).isEqualTo(shapes(model.text(), false));
      }
    }
  }

  private Checkpoint convert(Checkpoint checkpoint, ModelDescription model) {
    Path output = folder.resolve(checkpoint.name() + ".gguf");
    Target target = Targets.named("gguf").orElseThrow();
    Request request = new Request(checkpoint, model, Optional.empty(), Options.NONE);
    try (Sink sink = target.plan(request).open(output, true)) {
      Pass.run(List.of(sink), 1, Progress.NONE);
    }
    Checkpoint gguf = Sources.open(output);
    assertThat(gguf.kind()).isEqualTo("gguf");
    return gguf;
  }

  /** By the names of GGUF; the factors of LongRoPE are no weights of a folder. */
  private static Map<String, Object> shapes(ModelDescription model, boolean all) {
    return model.weights().stream()
        .filter(weight ->
            all
                || weight.role() != Role.ROPE_FACTORS_LONG
                    && weight.role() != Role.ROPE_FACTORS_SHORT)
        .collect(
            Collectors.toMap(
                weight ->
                    weight.ggufName().isEmpty() || weight.name().gguf().isEmpty()
                        ? weight.slices().getFirst().name()
                        : weight.ggufName(),
                weight -> weight.role() + " " + weight.shape(),
                (a, b) -> "twice",
                TreeMap::new));
  }

  /** What both containers tell; GGUF has single precision. */
  private static Map<String, Object> hyperparameters(ModelDescription model) {
    Hyperparameters h = model.hyperparameters();
    Function<List<Double>, List<Float>> singles =
        values -> values.stream().map(Double::floatValue).toList();
    Map<String, Object> values = new TreeMap<>();
    values.put("layers", h.layers());
    values.put("hidden", h.hidden());
    values.put("feed forward", h.feedForward());
    values.put("heads", h.attention().heads());
    values.put("key-value heads", h.attention().keyValueHeads());
    values.put("vocabulary", h.vocabulary());
    values.put("context", h.context());
    values.put("original context", h.rope().originalContext());
    values.put("epsilon", (float) h.normEpsilon());
    values.put("theta", (float) h.rope().theta());
    values.put("rope dimensions", h.rope().dimensions());
    values.put("short factors", h.rope().longRope().map(LongRope::shortFactors).map(singles));
    values.put("long factors", h.rope().longRope().map(LongRope::longFactors).map(singles));
    values.put("window", h.attention().slidingWindow());
    values.put("experts", h.experts().count());
    values.put("experts used", h.experts().used());
    values.put("tied", h.tied());
    return values;
  }
}
