package dev.phial.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ChatTemplateTest {
  private static final Path FILE = Path.of("model");

  @TempDir Path folder;

  private static String render(String template) {
    Clock clock = Clock.fixed(Instant.parse("2026-03-05T07:08:09Z"), ZoneOffset.UTC);
    return ChatTemplate.parse(FILE, template, clock)
        .render(List.of(Map.of("role", "user", "content", "Hi")), Map.of("x", 3L), true);
  }

  @Test
  void tellsTheTime() {
    assertThat(render("{{ strftime_now('%d %B %Y, %H:%M:%S, %a %-d %y %j %I%p %%') }}"))
        .isEqualTo("05 March 2026, 07:08:09, Thu 5 26 064 07AM %");
    assertThatThrownBy(() -> render("a\n{{ strftime_now('%Q') }}"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessage("model: the chat template fails: line 2: no time directive '%Q'");
  }

  @Test
  void saysWhyItFails() {
    assertThatThrownBy(() -> render("{{ raise_exception('not\\nthat') }}"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessage("model: the chat template refuses this conversation: not\\u{a}that");
    assertThatThrownBy(() -> render("a\n{{ y.z }}"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessage("model: the chat template fails: line 2: 'y' is undefined");
    assertThatThrownBy(() -> render("a\n{{ x"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessage("model: the chat template cannot be read: line 2: expected }}, found the end");
    assertThatThrownBy(() -> render("a".repeat(1 << 20)))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("the chat template cannot be read: expected at most");
  }

  @Test
  void doesNotReadWhatUsersWrite() {
    String text =
        ChatTemplate.parse(FILE, "{{ messages[0].content }}")
            .render(List.of(Map.of("content", "{{ 1 + 1 }}{% x %}{#")), Map.of(), false);
    assertThat(text).isEqualTo("{{ 1 + 1 }}{% x %}{#");
  }

  /** As in transformers. */
  @Test
  void aFileOfItsOwnCounts() throws IOException {
    Path model = Fixtures.model("phi4");
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(model.resolve(name), folder.resolve(name));
    }
    Files.writeString(
        folder.resolve("tokenizer_config.json"), "{\"chat_template\": \"inline {{ x }}\"}");
    assertThat(text()).isEqualTo("inline ");
    Files.writeString(folder.resolve("chat_template.jinja"), "jinja\n");
    assertThat(text()).isEqualTo("jinja");
  }

  private String text() {
    try (Checkpoint checkpoint = Sources.open(folder)) {
      return ChatTemplate.of(checkpoint).orElseThrow().render(List.of(), Map.of(), false);
    }
  }
}
