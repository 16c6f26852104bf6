package dev.phial.engine.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.engine.generate.Generated.Finish;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.sample.Sampling;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class GeneratorTest {
  private final Checkpoint checkpoint = Sources.open(Fixtures.model("tiny-phi3"));
  private final Tokenizer tokenizer = Tokenizer.of(checkpoint);
  private final Team team = new Team(1);
  private final Interruption interruption = new Interruption();
  private final Forward forward =
      new Forward(Model.of(Families.describe(checkpoint)), team, interruption);
  private final List<String> shown = new ArrayList<>();

  @AfterEach
  void close() {
    team.close();
    checkpoint.close();
  }

  private Generator generator(int most, int context) {
    Settings settings = new Settings(Sampling.GREEDY, 1, List.of(), most, context, true);
    return new Generator(forward, tokenizer, CacheType.F32, settings, interruption);
  }

  @Test
  void tellsWhatComesAsItComes() {
    try (Generator generator = generator(12, 1024)) {
      int[] prompt = Generator.prompt(tokenizer, "What is", 1024);
      Generated generated = generator.generate(prompt, shown::add);
      assertThat(shown).hasSizeGreaterThan(5);
      assertThat(String.join("", shown)).isEqualTo(generated.text());
      assertThat(generated.finish()).isEqualTo(Finish.LENGTH);
      assertThat(generated.computed()).isEqualTo(prompt.length);
    }
  }

  @Test
  void computesOnlyWhatIsNew() {
    try (Generator generator = generator(8, 1024)) {
      int[] prompt = Generator.prompt(tokenizer, "What is", 1024);
      Generated first = generator.generate(prompt, shown::add);
      int[] longer = Arrays.copyOf(prompt, prompt.length + 4);
      System.arraycopy(first.ids(), 0, longer, prompt.length, 4);
      Generated second = generator.generate(longer, shown::add);
      assertThat(second.computed()).isEqualTo(1);
      assertThat(Arrays.copyOf(second.ids(), 4)).isEqualTo(Arrays.copyOfRange(first.ids(), 4, 8));
    }
  }

  /** Between two tokens, and within a prompt, of which nothing is then known any more. */
  @Test
  void stopsWhenAskedTo() {
    try (Generator generator = generator(100, 1024)) {
      int[] prompt = Generator.prompt(tokenizer, "What is", 1024);
      Generated generated =
          generator.generate(
              prompt,
              text -> {
                shown.add(text);
                interruption.request();
              });
      assertThat(generated.finish()).isEqualTo(Finish.INTERRUPTED);
      assertThat(shown).hasSize(1);

      Thread other =
          Thread.ofPlatform()
              .start(() -> {
                while (!interruption.isHeard()) {
                  Thread.onSpinWait();
                }
                interruption.request();
              });
      int[] text = new int[1000];
      Arrays.fill(text, 300);
      Generated nothing = generator.generate(text, shown::add);
      assertThat(nothing.finish()).isEqualTo(Finish.INTERRUPTED);
      assertThat(nothing.ids()).isEmpty();
      assertThat(nothing.text()).isEmpty();
      assertThat(other.isAlive()).isFalse();

      Generated again = generator.generate(prompt, piece -> {});
      assertThat(again.computed()).isEqualTo(prompt.length);
      assertThat(again.ids()).startsWith(generated.ids());
    }
  }

  @Test
  void refusesPromptsThatDoNotFit() {
    try (Generator generator = generator(8, 10)) {
      assertThatThrownBy(() -> generator.generate(new int[11], shown::add))
          .isInstanceOf(PhialException.BadInput.class)
          .hasMessageContaining("at most 10 tokens, the context, found 11");
      assertThatThrownBy(() -> generator.generate(new int[0], shown::add))
          .isInstanceOf(PhialException.BadInput.class)
          .hasMessageContaining("expected a prompt, found none");
      // one token more can be chosen, but not be followed by another
      assertThat(generator.generate(new int[10], shown::add).finish()).isEqualTo(Finish.CONTEXT);
    }
    assertThatThrownBy(() -> generator(8, 1025).close())
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("expected 1 to 1024");
  }
}
