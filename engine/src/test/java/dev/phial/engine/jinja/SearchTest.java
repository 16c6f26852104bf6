package dev.phial.engine.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class SearchTest {
  /** Of two letters, so that parts are found, nearly found and found within themselves. */
  @Test
  void findsWhatStringFinds() {
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      String text = text(random, 30);
      String part = text(random, 6);
      int from = random.nextInt(text.length() + 1);
      assertThat(Search.forwards(part, new Budget()).next(text, from))
          .as("%s in %s from %d", part, text, from)
          .isEqualTo(text.indexOf(part, from));
      assertThat(Search.backwards(part, new Budget()).next(text, from))
          .as("%s in %s before %d", part, text, from)
          .isEqualTo(text.substring(0, from).lastIndexOf(part));
      assertThat(Search.contains(text, part, new Budget())).isEqualTo(text.contains(part));
    }
  }

  private static String text(Random random, int most) {
    StringBuilder text = new StringBuilder();
    for (int length = random.nextInt(most + 1); text.length() < length; ) {
      text.append(random.nextBoolean() ? 'a' : 'b');
    }
    return text.toString();
  }
}
