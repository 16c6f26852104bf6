package dev.phial.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.engine.Fixtures;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A walk computes what a forward pass does, and shows every matrix what it reads. */
final class WalkTest {
  @ParameterizedTest
  @ValueSource(strings = {"phi2", "phi3-small-8k", "phi35-moe", "phi4-mini", "tiny-phi3"})
  void computesWhatAForwardPassDoes(String name) {
    List<int[]> texts = List.of(text(1, 40), text(2, 33));
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(name));
        Team team = new Team(2)) {
      Model model = Model.of(Families.describe(checkpoint));
      List<String> seen = new ArrayList<>();
      Observer observer =
          (weight, expert, input) -> {
            if (expert <= 0) {
              seen.add(weight.ggufName());
            }
          };
      Forward forward = new Forward(model, team, observer);
      try (Walk guide = new Walk(model, team, texts);
          Walk walk = new Walk(model, team, texts, guide)) {
        List<String> read = new ArrayList<>();
        Walk.Stage last = null;
        for (Walk.Stage stage = guide.next(); stage != null; stage = guide.next()) {
          last = walk.next();
          assertThat(last).isEqualTo(stage);
          for (Walk.Reader reader : stage.readers()) {
            if (reader.matrix() == 0) {
              read.add(reader.weight().ggufName());
            }
          }
          if (stage.layer() < 0) {
            assertThatTheyEnd(List.of(guide, walk), forward, texts);
          }
        }
        assertThat(last).isNotNull();
        read.removeLast(); // the output matrix, which a pass without logits does not need
        assertThat(read).containsAll(seen);
        assertThat(walk.next()).isNull();
      }
    }
  }

  private static void assertThatTheyEnd(List<Walk> walks, Forward forward, List<int[]> texts) {
    for (int i = 0; i < texts.size(); i++) {
      int[] text = texts.get(i);
      try (Session session = new Session(forward, CacheType.F32)) {
        Activations expected = session.append(text, text.length);
        for (Walk walk : walks) {
          Activations found = walk.input(i);
          assertThat(found.count()).isEqualTo(text.length);
          for (int row = 0; row < text.length; row++) {
            for (int k = 0; k < expected.columns(); k++) {
              float value = expected.values()[expected.row(row) + k];
              assertThat(found.values()[found.row(row) + k])
                  .isCloseTo(value, within(1e-4f * (1 + Math.abs(value))));
            }
          }
        }
      }
    }
  }

  private static int[] text(int seed, int length) {
    return new java.util.Random(seed).ints(length, 5, 1000).toArray();
  }
}
