package dev.phial.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.tensor.DType;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SessionTest {
  private static final Path MODEL = Path.of("../fixtures/models/tiny-phi3");

  @Test
  void refusesTextsThatDoNotFit() {
    try (Checkpoint checkpoint = Sources.open(MODEL);
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F16)) {
        session.append(new int[1000], 0);
        assertThat(session.length()).isEqualTo(1000);
        assertThatThrownBy(() -> session.append(new int[25], 0))
            .isInstanceOf(PhialException.BadInput.class)
            .hasMessageContaining("at most 1024 tokens")
            .hasMessageContaining("found 1025");
        assertThatThrownBy(() -> session.next(-1)).isInstanceOf(PhialException.BadInput.class);
        assertThatThrownBy(() -> session.next(2064))
            .isInstanceOf(PhialException.BadInput.class)
            .hasMessageContaining("below 2064")
            .hasMessageContaining("found 2064");
        assertThat(session.length()).isEqualTo(1000);
        assertThat(session.next(5)).hasSize(2064);
      }
    }
  }

  /** Within the sliding window and beyond it, and across the border of LongRoPE. */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3, 40, 20, 30",
    "tiny-phi3, 700, 600, 610",
    "tiny-phi3, 700, 0, 5",
    "phi35-moe, 300, 200, 210",
    "phi35-moe, 200, 190, 300",
    "phi35-moe, 300, 280, 290"
  })
  void goesBackToWhereTextsDepart(String model, int before, int same, int after) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model));
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      int[] first = IntStream.range(0, before).map(i -> 300 + i * 7 % 1000).toArray();
      int[] second =
          IntStream.range(0, after).map(i -> i < same ? first[i] : 301 + i * 11 % 1000).toArray();
      try (Session session = new Session(forward, CacheType.F32);
          Session fresh = new Session(forward, CacheType.F32)) {
        session.append(first, 0);
        int known = session.resume(second);
        assertThat(known).isEqualTo(same);
        float[] found = session.next(Arrays.copyOfRange(second, known, after));
        assertThat(session.length()).isEqualTo(after);
        float[] expected = fresh.next(second);
        for (int i = 0; i < expected.length; i++) {
          assertThat(found[i]).isCloseTo(expected[i], Offset.offset(1e-3f));
        }
      }
    }
  }

  /** The same with what another session has computed. */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3, 40, 20, 30",
    "tiny-phi3, 700, 600, 610",
    "tiny-phi3, 700, 100, 110",
    "phi35-moe, 300, 200, 210",
    "phi35-moe, 200, 190, 300",
    "phi35-moe, 300, 280, 290"
  })
  void takesOverWhatAnotherKnows(String model, int before, int same, int after) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model));
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      int[] first = IntStream.range(0, before).map(i -> 300 + i * 7 % 1000).toArray();
      int[] second =
          IntStream.range(0, after).map(i -> i < same ? first[i] : 301 + i * 11 % 1000).toArray();
      try (Session other = new Session(forward, CacheType.F32);
          Session session = new Session(forward, CacheType.F32);
          Session fresh = new Session(forward, CacheType.F32)) {
        float[] state = other.next(first).clone();
        session.append(new int[] {5, 6, 7}, 0);
        int known = session.resume(second, other);
        assertThat(known).isIn(0, same); // what has left a window is not there any more
        assertThat(session.bytes()).isLessThanOrEqualTo(other.bytes());
        float[] found = session.next(Arrays.copyOfRange(second, known, after));
        float[] expected = fresh.next(second);
        for (int i = 0; i < expected.length; i++) {
          assertThat(found[i]).isCloseTo(expected[i], Offset.offset(1e-3f));
        }
        assertThat(other.length()).isEqualTo(before);
        assertThat(other.common(first)).isEqualTo(before);
        other.resume(first);
        assertThat(other.next(first[before - 1])).containsExactly(state, Offset.offset(1e-3f));
      }
    }
  }

  /** A prompt has something left to compute: the logits of its last token. */
  @Test
  void neverResumesAllOfAText() {
    try (Checkpoint checkpoint = Sources.open(MODEL);
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F32)) {
        float[] expected = session.next(5, 6, 7);
        session.next(8);
        assertThat(session.resume(new int[] {5, 6, 7})).isEqualTo(2);
        assertThat(session.next(7)).containsExactly(expected, Offset.offset(1e-4f));
      }
    }
  }

  @Test
  void saysWhichLayerOverflowed() {
    try (Checkpoint checkpoint = Sources.open(MODEL);
        Team team = new Team(1)) {
      ModelDescription whole = Families.describe(checkpoint);
      ModelDescription damaged =
          new ModelDescription(
              whole.family(),
              whole.hyperparameters(),
              whole.weights().stream().map(SessionTest::damage).toList());
      Forward forward = new Forward(Model.of(damaged), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F32)) {
        assertThatThrownBy(() -> session.next(1, 2, 3))
            .isInstanceOf(PhialException.BadInput.class)
            .hasMessageContaining("layer 2: expected finite activations, found NaN");
      }
    }
  }

  private static Weight damage(Weight weight) {
    if (weight.role() != Role.FFN_DOWN || weight.layer() != 2) {
      return weight;
    }
    Tensor tensor = weight.slices().getFirst();
    byte[] nothing = new byte[(int) tensor.data().byteSize()];
    Arrays.fill(nothing, (byte) -1); // NaN, in every floating-point type
    Tensor bad =
        new Tensor(
            tensor.file(),
            tensor.name(),
            DType.BF16,
            tensor.shape(),
            MemorySegment.ofArray(nothing));
    return new Weight(weight.name(), weight.layer(), weight.part(), weight.shape(), List.of(bad));
  }

  @Test
  void refusesAVocabularyWithoutAModel() {
    try (Checkpoint checkpoint = Sources.open(MODEL)) {
      ModelDescription whole = Families.describe(checkpoint);
      ModelDescription empty =
          new ModelDescription(whole.family(), whole.hyperparameters(), List.of());
      assertThatThrownBy(() -> Model.of(empty))
          .isInstanceOf(PhialException.BadInput.class)
          .hasMessageContaining("without token embedding");
    }
  }
}
