package dev.phial.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.gguf.GgufTarget;
import dev.phial.targets.layout.Sink;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models with adapters against transformers with peft (tools/make-adapter-golden.py). */
final class AdapterTest {
  private static final Path MODELS = Path.of("../fixtures/models");
  private static final Path ADAPTERS =
      Path.of("src/test/resources/dev/phial/engine/run/adapters").toAbsolutePath();
  private static final Team TEAM = new Team(2);

  @AfterAll
  static void close() {
    TEAM.close();
  }

  @ParameterizedTest
  @CsvSource({"fused, phi3-mini-4k", "dora, phi4", "split, phi4", "tied, phi4-mini", "saved, phi2"})
  void predictsWhatPeftPredicts(String adapter, String model) {
    Golden golden = Golden.of("adapters/" + adapter + "/golden");
    int[] tokens = golden.ints("tokens");
    try (Checkpoint checkpoint = open(model, adapter)) {
      assertAlike(next(checkpoint, tokens), golden.floats("logits"));
      assertAlike(oneByOne(checkpoint, tokens), golden.floats("logits"));
      assertThat(checkpoint.notes()).anyMatch(note -> note.startsWith(adapter + ": its adapter"));
    }
  }

  /** What is written is what is run: targets know nothing of adapters. */
  @ParameterizedTest
  @CsvSource({"fused, phi3-mini-4k", "tied, phi4-mini"})
  void writesTheSum(String adapter, String model, @TempDir Path folder) {
    Golden golden = Golden.of("adapters/" + adapter + "/golden");
    Path file = folder.resolve("sum.gguf");
    try (Checkpoint checkpoint = open(model, adapter);
        Sink sink =
            new GgufTarget()
                .plan(
                    new Request(
                        checkpoint,
                        Families.describe(checkpoint),
                        Optional.of("F32"),
                        Options.NONE))
                .open(file, false)) {
      Pass.run(List.of(sink), 2, Progress.NONE);
    }
    try (Checkpoint checkpoint = Sources.open(file)) {
      assertAlike(next(checkpoint, golden.ints("tokens")), golden.floats("logits"));
    }
  }

  /** An adapter that is added and taken away again leaves the model as it was. */
  @Test
  void scalesWhatItAdds() {
    int[] tokens = Golden.of("adapters/fused/golden").ints("tokens");
    try (Checkpoint plain = Sources.open(MODELS.resolve("phi3-mini-4k"));
        Checkpoint checkpoint = Sources.open(MODELS.resolve("phi3-mini-4k"))) {
      Path folder = ADAPTERS.resolve("fused");
      Checkpoint both = checkpoint.adapted(folder, 0.5).adapted(folder, -0.5);
      assertAlike(next(both, tokens), next(plain, tokens));
    }
  }

  private static Checkpoint open(String model, String adapter) {
    return Sources.open(MODELS.resolve(model)).adapted(ADAPTERS.resolve(adapter), 1);
  }

  private static float[] next(Checkpoint checkpoint, int[] tokens) {
    Forward forward = new Forward(Model.of(Families.describe(checkpoint)), TEAM, Observer.NONE);
    try (Session session = new Session(forward, CacheType.F32)) {
      return session.next(tokens);
    }
  }

  private static float[] oneByOne(Checkpoint checkpoint, int[] tokens) {
    Forward forward = new Forward(Model.of(Families.describe(checkpoint)), TEAM, Observer.NONE);
    try (Session session = new Session(forward, CacheType.F32)) {
      session.append(Arrays.copyOf(tokens, tokens.length - 2), 0);
      session.append(new int[] {tokens[tokens.length - 2]}, 0);
      return session.next(tokens[tokens.length - 1]);
    }
  }

  private static void assertAlike(float[] found, float[] expected) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(found).containsExactly(expected, within(2e-5f * largest));
  }
}
