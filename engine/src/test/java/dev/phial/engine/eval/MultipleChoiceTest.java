package dev.phial.engine.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against transformers: tools/make-tasks-golden.py. */
final class MultipleChoiceTest {
  private static final Path TASKS = Path.of("src/test/resources/dev/phial/engine/eval/tasks.jsonl");
  private static final Path MODEL = Fixtures.model("tiny-phi3");

  @TempDir Path folder;

  @Test
  void findsWhatTransformersFinds() throws IOException {
    List<JsonNode> golden =
        Files.readAllLines(TASKS).stream().map(line -> new JsonMapper().readTree(line)).toList();
    MultipleChoice questions = MultipleChoice.read(TASKS, Tokenizer.open(MODEL));
    int right = 0;
    try (Checkpoint checkpoint = Sources.open(MODEL);
        Team team = new Team(2)) {
      Model model = Model.of(Families.describe(checkpoint));
      for (int i = 0; i < golden.size(); i++) {
        double[] found = questions.scores(model, team, i);
        JsonNode expected = golden.get(i).path("loglikelihoods");
        int best = 0;
        for (int choice = 0; choice < found.length; choice++) {
          assertThat(found[choice]).isCloseTo(expected.get(choice).doubleValue(), within(1e-3));
          best =
              expected.get(choice).doubleValue() > expected.get(best).doubleValue() ? choice : best;
        }
        right += best == golden.get(i).path("answer").intValue() ? 1 : 0;
      }
      MultipleChoice.Result result = questions.ask(model, team, asked -> {});
      double share = (double) right / golden.size();
      assertThat(result.questions()).isEqualTo(golden.size());
      assertThat(result.accuracy().value()).isEqualTo(share);
      assertThat(result.accuracy().error())
          .isCloseTo(Math.sqrt(share * (1 - share) / (golden.size() - 1)), within(1e-12));
      assertThat(result.normalized().value()).isBetween(0.0, 1.0);
    }
  }

  @Test
  void takesAnswersByText() throws IOException {
    Path file =
        write(
            "{\"question\": \"O\", \"choices\": [\"Romeo\", \"Juliet\"], \"answer\": \"Juliet\"}\n\n");
    assertThat(MultipleChoice.read(file, Tokenizer.open(MODEL)).size()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense",
        "[]",
        "{\"question\": \"\", \"choices\": [\"a\", \"b\"], \"answer\": 0}",
        "{\"question\": \"q\", \"choices\": [\"a\"], \"answer\": 0}",
        "{\"question\": \"q\", \"choices\": [\"a\", 2], \"answer\": 0}",
        "{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": 2}",
        "{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": \"c\"}",
        "{\"question\": \"q\", \"choices\": [\"a\", \"b\"]}"
      })
  void refusesOtherLines(String line) throws IOException {
    Path file =
        write("{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"answer\": 0}\n" + line + "\n");
    assertThatThrownBy(() -> MultipleChoice.read(file, Tokenizer.open(MODEL)))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("tasks.jsonl: line 2: expected {\"question\"");
  }

  @Test
  void refusesAFileWithoutQuestions() throws IOException {
    Path file = write("\n");
    assertThatThrownBy(() -> MultipleChoice.read(file, Tokenizer.open(MODEL)))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("found none");
  }

  private Path write(String lines) throws IOException {
    return Files.writeString(folder.resolve("tasks.jsonl"), lines);
  }
}
