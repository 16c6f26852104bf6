package dev.phial.engine.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.util.List;
import org.junit.jupiter.api.Test;

final class StopStringsTest {
  private static String run(StopStrings stops, String... parts) {
    StringBuilder text = new StringBuilder();
    for (String part : parts) {
      text.append(stops.add(part)).append('|');
    }
    return text + stops.end();
  }

  @Test
  void endsBeforeTheFirst() {
    StopStrings stops = new StopStrings(List.of("STOP", "END"));
    assertThat(run(stops, "a STOP b")).isEqualTo("a |");
    assertThat(stops.isReached()).isTrue();
    assertThat(run(new StopStrings(List.of("STOP", "END")), "a END STOP")).isEqualTo("a |");
  }

  @Test
  void findsWhatTokensCutUp() {
    StopStrings stops = new StopStrings(List.of("\n\nUser:"));
    assertThat(run(stops, "Hi\n", "\nU", "ser", ": more", "more")).isEqualTo("Hi|||||");
    assertThat(stops.isReached()).isTrue();
  }

  @Test
  void givesBackWhatWasOnlyTheStart() {
    StopStrings stops = new StopStrings(List.of("<|end|>"));
    assertThat(run(stops, "a <", "|en", "d of <", "|end")).isEqualTo("a ||<|end of ||<|end");
    assertThat(stops.isReached()).isFalse();
    assertThat(run(new StopStrings(List.of("aab")), "aa", "ab", "x")).isEqualTo("|a||");
  }

  @Test
  void withoutAnyNothingIsHeldBack() {
    assertThat(run(new StopStrings(List.of()), "a", "b")).isEqualTo("a|b|");
  }

  @Test
  void refusesTheEmptyString() {
    assertThatThrownBy(() -> new StopStrings(List.of("a", "")))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("--stop");
  }
}
