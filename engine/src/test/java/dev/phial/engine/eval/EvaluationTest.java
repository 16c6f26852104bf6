package dev.phial.engine.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.phial.PhialException;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Quantizing;
import dev.phial.engine.run.Team;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against transformers on the same weights: tools/make-eval-golden.py. */
final class EvaluationTest {
  private static final Path MODELS = Path.of("../fixtures/models");
  private static final JsonNode GOLDEN = golden();
  private static final int[] TOKENS =
      GOLDEN.path("tokens").valueStream().mapToInt(JsonNode::intValue).toArray();
  private static final int CONTEXT = GOLDEN.path("context").intValue();
  private static final Team TEAM = new Team(2);

  @AfterAll
  static void close() {
    TEAM.close();
  }

  @Test
  void comparesCandidatesWithTheReference(@TempDir Path folder) {
    List<Path> models = new ArrayList<>(List.of(MODELS.resolve("tiny-phi3")));
    List<JsonNode> expected = new ArrayList<>(List.of(GOLDEN.path("reference")));
    for (Map.Entry<String, JsonNode> candidate : GOLDEN.path("candidates").properties()) {
      models.add(Quantizing.gguf(models.getFirst(), candidate.getKey(), folder));
      expected.add(candidate.getValue());
    }
    Chunks chunks = Chunks.halves(TOKENS, CONTEXT, OptionalInt.empty());

    List<Evaluation.Result> results = evaluate(models, chunks);

    assertThat(results).hasSameSizeAs(expected);
    for (int i = 0; i < results.size(); i++) {
      assertPerplexity(results.get(i).perplexity(), expected.get(i));
    }
    Divergence none = results.getFirst().divergence();
    assertThat(none.mean().value()).isZero();
    assertThat(none.max()).isZero();
    assertThat(none.top1().value()).isEqualTo(1);
    assertThat(results.getFirst().layerErrors()).hasSize(5).containsOnly(0.0);
    for (int i = 1; i < results.size(); i++) {
      Divergence found = results.get(i).divergence();
      assertClose(found.mean().value(), expected.get(i).path("mean"), 1e-3);
      assertClose(found.median(), expected.get(i).path("median"), 1e-2);
      assertClose(found.percentile99(), expected.get(i).path("percentile99"), 1e-2);
      assertClose(found.max(), expected.get(i).path("max"), 1e-2);
      assertThat(found.percentile999()).isBetween(found.percentile99(), found.max());
      assertClose(found.top1().value(), expected.get(i).path("top1"), 1e-9);
      assertClose(found.deltaP().value(), expected.get(i).path("delta_p"), 1e-3);
      assertClose(
          found.logRatio().value(), expected.get(i).path("log_ratio"), i == 1 ? 1e-2 : 1e-3);
      assertThat(found.mean().error()).isBetween(0.0, found.mean().value());
      List<Double> layers = results.get(i).layerErrors();
      assertThat(layers).hasSize(5).allMatch(error -> error > 0 && error < 0.5);
    }
  }

  @Test
  void scoresOverlappingChunks() {
    Chunks chunks = Chunks.strided(TOKENS, CONTEXT, GOLDEN.path("stride").intValue());
    Evaluation.Result result = evaluate(List.of(MODELS.resolve("tiny-phi3")), chunks).getFirst();
    assertPerplexity(result.perplexity(), GOLDEN.path("strided"));
  }

  @Test
  void readsShortChunksTogether() {
    Chunks chunks = Chunks.halves(TOKENS, 50, OptionalInt.of(1));
    assertThat(chunks.chunk(3)).startsWith(1, TOKENS[151]).hasSize(50);
    List<Path> models = List.of(MODELS.resolve("tiny-phi3"));
    Perplexity all = evaluate(models, chunks).getFirst().perplexity();
    assertThat(all.tokens()).isEqualTo(22 * 24);
    double sum = 0;
    for (int i = 0; i < 22; i++) {
      int[] one = chunks.chunk(i);
      Chunks alone = Chunks.halves(one, 50, OptionalInt.empty());
      sum += Math.log(evaluate(models, alone).getFirst().perplexity().value());
    }
    assertThat(all.value()).isCloseTo(Math.exp(sum / 22), within(1e-4));
  }

  @Test
  void limitsTheChunks() {
    assertThat(Chunks.halves(TOKENS, CONTEXT, OptionalInt.empty()).count()).isEqualTo(4);
    assertThat(Chunks.halves(TOKENS, CONTEXT, OptionalInt.empty()).limit(3).count()).isEqualTo(3);
    assertThat(Chunks.strided(TOKENS, CONTEXT, 96).limit(5).count()).isEqualTo(5);
  }

  @Test
  void refusesWhatItCannotMeasure() {
    assertThatThrownBy(() -> Chunks.halves(new int[100], 256, OptionalInt.empty()))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("at least 256")
        .hasMessageContaining("found 100");
    assertThatThrownBy(() -> Chunks.strided(TOKENS, 256, 0))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("--stride");
    assertThatThrownBy(() -> Chunks.halves(TOKENS, 2, OptionalInt.empty()))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("--context");
    assertThatThrownBy(() ->
            evaluate(
                List.of(MODELS.resolve("tiny-phi3"), MODELS.resolve("phi4")),
                Chunks.halves(TOKENS, CONTEXT, OptionalInt.empty())))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("2064")
        .hasMessageContaining("2304");
    assertThatThrownBy(() ->
            evaluate(
                List.of(MODELS.resolve("tiny-phi3")),
                Chunks.halves(TOKENS, 1030, OptionalInt.empty())))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("at most 1024 tokens");
    assertThatThrownBy(() ->
            evaluate(
                List.of(MODELS.resolve("tiny-phi3")),
                Chunks.halves(IntStream.range(2000, 2100).toArray(), 100, OptionalInt.empty())))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("below 2064");
  }

  private static List<Evaluation.Result> evaluate(List<Path> models, Chunks chunks) {
    List<Checkpoint> checkpoints = models.stream().map(Sources::open).toList();
    try {
      List<Evaluation.Named> named =
          checkpoints.stream()
              .map(checkpoint ->
                  new Evaluation.Named(checkpoint.name(), Model.of(Families.describe(checkpoint))))
              .toList();
      return new Evaluation(named, chunks, TEAM).run(read -> {});
    } finally {
      checkpoints.forEach(Checkpoint::close);
    }
  }

  private static void assertPerplexity(Perplexity found, JsonNode expected) {
    assertClose(found.value(), expected.path("ppl"), 1e-5);
    assertClose(found.error(), expected.path("ppl_error"), 1e-3);
  }

  private static void assertClose(double found, JsonNode expected, double tolerance) {
    double value = expected.doubleValue();
    assertThat(found).isCloseTo(value, within(tolerance * Math.abs(value)));
  }

  private static JsonNode golden() {
    try (InputStream in = EvaluationTest.class.getResourceAsStream("tiny-phi3.json")) {
      return new JsonMapper().readTree(in);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
