package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ChatTemplatesTest {
  @TempDir Path folder;

  @BeforeEach
  void anyFolder() throws IOException {
    write("config.json", "{}");
  }

  @Test
  void aFileOfItsOwnCounts() throws IOException {
    assertThat(templates().chosen()).isEmpty();
    write("tokenizer_config.json", "{\"chat_template\": null}");
    write("chat_template.json", "{\"chat_template\": \"json\"}");
    assertChosen("json", false);
    write("tokenizer_config.json", "{\"chat_template\": \"inline\"}");
    assertChosen("inline", false);
    write("chat_template.jinja", "file\r\n");
    assertChosen("file\n", true);
    write("chat_template.jinja", "inline");
    assertChosen("inline", false);
  }

  @Test
  void ofSeveralTheDefaultCounts() throws IOException {
    write(
        "tokenizer_config.json",
        "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"r\"}, {\"name\": \"default\", \"template\": \"d\"}]}");
    assertChosen("d", false);
    write(
        "tokenizer_config.json", "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"r\"}]}");
    assertThat(templates().chosen()).isEmpty();
    write("tokenizer_config.json", "{\"chat_template\": 7}");
    assertThat(templates().chosen()).isEmpty();
  }

  private ChatTemplates templates() {
    return ChatTemplates.of(Folder.read(folder));
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private void assertChosen(String template, boolean differs) {
    assertThat(templates().chosen()).hasValue(template);
    assertThat(templates().differ()).isEqualTo(differs);
  }
}
