package dev.phial.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.model.Families;
import dev.phial.model.Role;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every family against its reference implementation. */
final class LogitsTest {
  private static final Path MODELS = Path.of("../fixtures/models");
  private static final Team TEAM = new Team(2);

  /** Of the largest logit. */
  private static final float TOLERANCE = 1e-5f;

  @AfterAll
  static void close() {
    TEAM.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "phi-mini-moe",
        "phi-tiny-moe",
        "phi2",
        "phi3-medium-128k",
        "phi3-mini-4k",
        "phi3-small-8k",
        "phi35-moe",
        "phi4",
        "phi4-mini",
        "phi4-mini-reasoning",
        "phi4-reasoning",
        "phi4-reasoning-vision",
        "tiny-phi3"
      })
  void predictsWhatTheReferencePredicts(String name) {
    Golden golden = Golden.of(name);
    int[] tokens = golden.ints("tokens");
    int[] start = Arrays.copyOf(tokens, golden.ints("short")[0]);
    with(
        name,
        CacheType.F32,
        (forward, session) -> {
          assertAlike(session.next(start), golden.floats("short_logits"), TOLERANCE);

          session.reset();
          assertThat(greedy(session, start, 12)).isEqualTo(golden.ints("short_greedy"));

          session.reset();
          assertAlike(session.next(tokens), golden.floats("long_logits"), TOLERANCE);

          session.reset();
          session.append(Arrays.copyOf(tokens, 31), 0);
          session.append(Arrays.copyOfRange(tokens, 31, 33), 0);
          session.append(Arrays.copyOfRange(tokens, 33, tokens.length - 1), 0);
          assertAlike(
              session.next(tokens[tokens.length - 1]), golden.floats("long_logits"), TOLERANCE);

          if (golden.has("crossing")) {
            session.reset();
            int[] crossing = Arrays.copyOf(tokens, golden.ints("crossing")[0]);
            assertThat(greedy(session, crossing, 12)).isEqualTo(golden.ints("crossing_greedy"));
          }
        });
  }

  @Test
  void readsWhatTransformersFiveWrites() {
    Golden golden = Golden.of("phi3-medium-128k");
    with(
        "phi3-medium-128k-tf5",
        CacheType.F32,
        (forward, session) ->
            assertAlike(
                session.next(golden.ints("tokens")), golden.floats("long_logits"), TOLERANCE));
  }

  /** A checkpoint need not say how wide its heads are. */
  @Test
  void seesHowWideHeadsAre(@TempDir Path folder) throws IOException {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(MODELS.resolve("phi-tiny-moe").resolve(file), folder.resolve(file));
    }
    Path config = folder.resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("\"head_dim\": 32,", ""));
    Golden golden = Golden.of("phi-tiny-moe");
    with(
        folder,
        CacheType.F32,
        (forward, session) -> {
          assertThat(forward.model().hyperparameters().attention().headSize()).isEqualTo(32);
          assertAlike(session.next(golden.ints("tokens")), golden.floats("long_logits"), TOLERANCE);
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"phi2", "phi3-medium-128k", "phi3-mini-4k", "phi4", "phi4-mini", "tiny-phi3"})
  void knowsAsMuchFromGguf(String name, @TempDir Path folder) {
    assertGguf(name, "BF16", folder, TOLERANCE);
  }

  @Test
  void knowsTheAttentionFactorOfPhiMoe(@TempDir Path folder) {
    // the fixture rounds the factor of the published checkpoint, which no GGUF file holds
    assertGguf("phi35-moe", "F32", folder, 5e-4f);
  }

  private static void assertGguf(String name, String type, Path folder, float tolerance) {
    Golden golden = Golden.of(name);
    int[] tokens = golden.ints("tokens");
    Path file = Quantizing.gguf(MODELS.resolve(name), type, folder);
    with(
        file,
        CacheType.F32,
        (forward, session) -> {
          assertAlike(
              session.next(Arrays.copyOf(tokens, golden.ints("short")[0])),
              golden.floats("short_logits"),
              tolerance);
          session.reset();
          assertAlike(session.next(tokens), golden.floats("long_logits"), tolerance);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"phi2", "phi35-moe", "tiny-phi3"})
  void holdsTheCacheInHalfTheMemory(String name) {
    Golden golden = Golden.of(name);
    with(
        name,
        CacheType.F16,
        (forward, session) ->
            assertAlike(session.next(golden.ints("tokens")), golden.floats("long_logits"), 2e-3f));
  }

  @ParameterizedTest
  @ValueSource(strings = {"phi3-medium-128k", "phi3-small-8k", "phi35-moe"})
  void runsSeveralTextsAtOnce(String name) {
    Golden golden = Golden.of(name);
    int[] tokens = golden.ints("tokens");
    int[] start = Arrays.copyOf(tokens, golden.ints("short")[0]);
    with(
        name,
        CacheType.F32,
        (forward, first) -> {
          try (Session second = new Session(forward, CacheType.F32);
              Session third = new Session(forward, CacheType.F32)) {
            Activations states =
                Session.append(List.of(first, second, third), List.of(start, tokens, start), 2);
            Activations logits = new Activations(forward.model().hyperparameters().vocabulary());
            forward.logits(states, 0, 6, logits);
            assertAlike(row(logits, 1), golden.floats("short_logits"), TOLERANCE);
            assertAlike(row(logits, 3), golden.floats("long_logits"), TOLERANCE);
            assertAlike(row(logits, 5), golden.floats("short_logits"), TOLERANCE);
          }
        });
  }

  @Test
  void showsTheInputOfEveryLinearLayer() {
    List<String> seen = Collections.synchronizedList(new ArrayList<>());
    Observer observer =
        (weight, expert, input) -> {
          assertThat(input.columns()).isGreaterThanOrEqualTo((int) weight.shape().columns());
          if (weight.layer() <= 0) {
            seen.add(weight.role() + (expert < 0 ? "" : " of an expert") + " " + input.count());
          }
        };
    try (Checkpoint checkpoint = Sources.open(MODELS.resolve("tiny-phi3"))) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), TEAM, observer);
      try (Session session = new Session(forward, CacheType.F32)) {
        session.next(1, 2, 3, 4, 5);
      }
    }
    assertThat(seen)
        .containsExactly(
            Role.ATTENTION_QKV + " 5",
            Role.ATTENTION_OUTPUT + " 5",
            Role.FFN_GATE_UP + " 5",
            Role.FFN_DOWN + " 5",
            Role.OUTPUT + " 1");
  }

  private static void with(String name, CacheType type, BiConsumer<Forward, Session> body) {
    with(MODELS.resolve(name), type, body);
  }

  private static void with(Path path, CacheType type, BiConsumer<Forward, Session> body) {
    try (Checkpoint checkpoint = Sources.open(path)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), TEAM, Observer.NONE);
      try (Session session = new Session(forward, type)) {
        body.accept(forward, session);
      }
    }
  }

  private static int[] greedy(Session session, int[] tokens, int count) {
    int[] found = new int[count];
    float[] logits = session.next(tokens);
    for (int i = 0; i < count; i++) {
      for (int token = 0; token < logits.length; token++) {
        found[i] = logits[token] > logits[found[i]] ? token : found[i];
      }
      logits = session.next(found[i]);
    }
    return found;
  }

  private static float[] row(Activations logits, int row) {
    return Arrays.copyOfRange(logits.values(), logits.row(row), logits.row(row) + logits.columns());
  }

  private static void assertAlike(float[] found, float[] expected, float tolerance) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(found).containsExactly(expected, within(tolerance * largest));
  }
}
