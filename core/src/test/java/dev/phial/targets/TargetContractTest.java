package dev.phial.targets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.quant.activation.SomeRanges;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.MemorySink;
import dev.phial.targets.layout.Provenance;
import dev.phial.targets.layout.Sink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What every target must do, for every checkpoint and precision. */
final class TargetContractTest {
  private static final List<Target> TARGETS = Targets.ALL;

  /** The smallest checkpoint that every target takes. */
  private static final String SMALL = "phi3-mini-4k";

  @TempDir Path folder;

  @Test
  void namesAreUnique() {
    assertThat(TARGETS.stream().map(Target::name)).doesNotHaveDuplicates();
    for (Target target : TARGETS) {
      assertThat(Targets.named(target.name())).containsSame(target);
      assertThat(target.precisions()).isNotEmpty().doesNotHaveDuplicates();
      assertThat(target.options().stream().map(TargetOption::name)).doesNotHaveDuplicates();
    }
    assertThat(Targets.named("nothing")).isEmpty();
  }

  static Stream<Arguments> targetsAndModels() {
    return TARGETS.stream()
        .flatMap(target -> Fixtures.models().stream().map(model -> Arguments.of(target, model)));
  }

  /** In one sentence that names the model, for whoever asks for something impossible. */
  @ParameterizedTest
  @MethodSource("targetsAndModels")
  void everyPrecisionIsPlannedOrRefused(Target target, String model) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model))) {
      ModelDescription description = Families.describe(checkpoint);
      List<String> planned = new ArrayList<>();
      for (String precision : target.precisions()) {
        try {
          Request request =
              new Request(checkpoint, description, Optional.of(precision), Options.NONE);
          Layout job = target.plan(request);
          assertThat(job.plan().target()).isEqualTo(target.name());
          assertThat(job.plan().tensors()).isNotEmpty();
          assertThat(job.plan().tensorBytes()).isPositive().isLessThan(job.plan().bytes());
          assertThat(target.defaultName(request)).startsWith(model + "-" + target.name() + "-");
          planned.add(precision);
        } catch (PhialException.Unsupported e) {
          assertThat(e.getMessage()).hasSizeBetween(20, 400).doesNotEndWith(".");
          assertThat(e.reason()).hasSizeBetween(10, 400);
        }
      }
      assertThat(planned)
          .satisfiesAnyOf(
              list -> assertThat(list).isEmpty(),
              list -> assertThat(list).hasSizeGreaterThan(1),
              list -> assertThat(list).isEqualTo(target.precisions()));
    }
  }

  static Stream<Arguments> targetsAndPrecisions() {
    return TARGETS.stream()
        .flatMap(target ->
            target.precisions().stream().map(precision -> Arguments.of(target, precision)));
  }

  /** What is planned is written to the byte, whatever the threads, twice the same. */
  @ParameterizedTest
  @MethodSource("targetsAndPrecisions")
  void writesWhatWasPlanned(Target target, String precision) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(SMALL))) {
      Request request = informed(target, request(checkpoint, precision));
      Layout job;
      try {
        job = target.plan(request);
      } catch (PhialException.Unsupported e) {
        return; // needs an importance matrix, say
      }
      Map<String, String> first = write(job, target.defaultName(request), "first", 1);
      assertThat(first).isNotEmpty();
      assertThat(bytes(folder.resolve("first"))).isEqualTo(job.plan().bytes());
      assertThat(write(target.plan(request), target.defaultName(request), "second", 2))
          .isEqualTo(first);
      assertHeldInMemory(job, folder.resolve("first").resolve(target.defaultName(request)));
    }
  }

  static Stream<Arguments> targetsAndOtherModels() {
    return targetsAndModels().filter(arguments -> !SMALL.equals(arguments.get()[1]));
  }

  @ParameterizedTest
  @MethodSource("targetsAndOtherModels")
  void writesWhatWasPlannedForOtherModels(Target target, String model) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model))) {
      Request request =
          new Request(
              checkpoint,
              Families.describe(checkpoint),
              Optional.of(target.precisions().getFirst()),
              Options.NONE);
      Layout job;
      try {
        job = target.plan(request);
      } catch (PhialException.Unsupported e) {
        return;
      }
      Map<String, String> first = write(job, target.defaultName(request), "first", 3);
      assertThat(bytes(folder.resolve("first"))).isEqualTo(job.plan().bytes());
      assertThat(write(job, target.defaultName(request), "second", 1)).isEqualTo(first);
      assertHeldInMemory(job, folder.resolve("first").resolve(target.defaultName(request)));
    }
  }

  @ParameterizedTest
  @FieldSource("TARGETS")
  void refusesToReplaceUnlessAsked(Target target) throws IOException {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(SMALL))) {
      Layout job = target.plan(request(checkpoint, target.precisions().getFirst()));
      Path output = folder.resolve("model.gguf");
      if (target.writesFolder()) {
        Files.createDirectory(output);
        Files.writeString(output.resolve("old"), "old");
        Files.writeString(output.resolve(Provenance.NAME), "{\"files\": {\"old\": \"\"}}");
      } else {
        Files.writeString(output, "old");
      }
      Map<String, String> before = hashes(folder);
      assertThatThrownBy(() -> job.open(output, false).close())
          .isInstanceOf(PhialException.OutputFailed.class)
          .hasMessageContaining(output.toString())
          .hasMessageContaining("--force");
      job.open(output, true).close(); // not committed
      assertThat(hashes(folder)).isEqualTo(before);
      try (Sink sink = job.open(output, true)) {
        Pass.run(List.of(sink), 2, Progress.NONE);
      }
      assertThat(hashes(folder)).doesNotContainValue(before.values().iterator().next());
      assertThat(bytes(folder)).isEqualTo(job.plan().bytes());
    }
  }

  @ParameterizedTest
  @FieldSource("TARGETS")
  void anUnknownPrecisionIsAnsweredWithTheKnownOnes(Target target) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(SMALL))) {
      for (String unknown : List.of("nonsense", "", "Q4_K_M,", "\33[2J")) {
        assertThatThrownBy(() -> target.plan(request(checkpoint, unknown)))
            .isInstanceOf(PhialException.Usage.class)
            .message()
            .contains(target.precisions())
            .doesNotContainPattern("\\p{Cntrl}");
      }
    }
  }

  /** Both outputs of one pass are those of two passes. */
  @Test
  void targetsShareAPass() {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(SMALL))) {
      ModelDescription model = Families.describe(checkpoint);
      Map<Target, Map<String, String>> alone = new HashMap<>();
      List<Sink> sinks = new ArrayList<>();
      for (Target target : TARGETS) {
        Request request =
            new Request(
                checkpoint, model, Optional.of(target.precisions().getFirst()), Options.NONE);
        alone.put(target, write(target.plan(request), "model", target.name() + "-alone", 2));
        sinks.add(target.plan(request).open(folder.resolve(target.name()).resolve("model"), false));
      }
      assertThat(Pass.run(sinks, 2, Progress.NONE)).isEmpty();
      sinks.forEach(Sink::close);
      alone.forEach(
          (target, files) -> assertThat(hashes(folder.resolve(target.name()))).isEqualTo(files));
    }
  }

  /**
   * What would be written can be held in memory instead, and has the values of what was written.
   */
  private static void assertHeldInMemory(Layout job, Path output) {
    try (MemorySink memory = job.inMemory();
        Checkpoint written = Sources.open(output)) {
      memory.allocate();
      assertThat(Pass.run(List.of(memory), 2, Progress.NONE)).isEmpty();
      ModelDescription expected = Families.describe(written);
      Map<String, Weight> held = Weights.of(memory.description());
      for (Weight weight : expected.weights()) {
        if (weight.role() != Role.ROPE_FACTORS_LONG && weight.role() != Role.ROPE_FACTORS_SHORT) {
          assertThat(held).containsKey(Weights.key(weight));
          assertThat(unsigned(held.getOrDefault(Weights.key(weight), weight)))
              .as(Weights.key(weight))
              .isEqualTo(unsigned(weight));
        }
      }
      assertThat(memory.description().hyperparameters().tied())
          .isEqualTo(expected.hyperparameters().tied());
      assertThat(memory.description().activations()).isEqualTo(expected.activations());
    }
  }

  /** The values of a parameter; zero has no sign here. */
  private static float[] unsigned(Weight weight) {
    float[] values = Weights.values(weight);
    for (int i = 0; i < values.length; i++) {
      values[i] += 0f;
    }
    return values;
  }

  private static Request informed(Target target, Request request) {
    return target.needsRanges(request)
        ? request.with(SomeRanges.of(request.model().hyperparameters().layers()))
        : request;
  }

  private static Request request(Checkpoint checkpoint, String precision) {
    return new Request(
        checkpoint, Families.describe(checkpoint), Optional.of(precision), Options.NONE);
  }

  private Map<String, String> write(Layout job, String name, String parent, int threads) {
    Path output = folder.resolve(parent).resolve(name);
    try (Sink sink = job.open(output, false)) {
      assertThat(Pass.run(List.of(sink), threads, Progress.NONE)).isEmpty();
    }
    assertThat(job.files(output)).allSatisfy(file -> assertThat(file).exists());
    return hashes(folder.resolve(parent));
  }

  private static long bytes(Path folder) {
    return files(folder).stream().mapToLong(file -> file.toFile().length()).sum();
  }

  private static Map<String, String> hashes(Path folder) {
    Map<String, String> hashes = new TreeMap<>();
    for (Path file : files(folder)) {
      hashes.put(folder.relativize(file).toString(), sha256(file));
    }
    return hashes;
  }

  private static List<Path> files(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String sha256(Path file) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha.digest(Files.readAllBytes(file)));
    } catch (IOException | NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
