package dev.phial.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.engine.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ConversationTest {
  private static final String PLAIN =
      """
      {%- for message in messages %}\
      {%- if message.content == 'no' %}{{ raise_exception('not that') }}{% endif %}\
      {{ message.role }}: {{ message.content }}; \
      {%- endfor %}\
      """;

  private final Tokenizer tokenizer = Tokenizer.open(Fixtures.model("tiny-phi3"));

  private Conversation conversation(Optional<String> system) {
    return new Conversation(
        ChatTemplate.parse(Path.of("template"), PLAIN), tokenizer, 1024, system);
  }

  private String text(int[] ids) {
    return tokenizer.decode(ids).strip();
  }

  @Test
  void putsTheSystemFirstAndForgetsTheOldest() {
    Conversation conversation = conversation(Optional.of("be"));
    assertThat(text(conversation.ask("a"))).isEqualTo("system: be;user: a;");
    conversation.answer("b");
    assertThat(text(conversation.ask("c"))).isEqualTo("system: be;user: a;assistant: b;user: c;");
    assertThat(conversation.forgetOldest()).isTrue();
    assertThat(text(conversation.prompt())).isEqualTo("system: be;user: c;");
    assertThat(conversation.forgetOldest()).isFalse();
    conversation.setSystem(Optional.empty());
    assertThat(text(conversation.prompt())).isEqualTo("user: c;");
    conversation.reset();
    assertThat(text(conversation.ask("d"))).isEqualTo("user: d;");
  }

  @Test
  void takesBackWhatTheTemplateRefuses() {
    Conversation conversation = conversation(Optional.empty());
    assertThatThrownBy(() -> conversation.ask("no"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("not that");
    assertThat(text(conversation.ask("yes"))).isEqualTo("user: yes;");
  }
}
