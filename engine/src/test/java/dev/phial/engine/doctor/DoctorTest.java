package dev.phial.engine.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.Fixtures;
import dev.phial.engine.doctor.Finding.Severity;
import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/** What is done to a good model is found, and nothing else. */
final class DoctorTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"phi3-mini-4k", "phi3-medium-128k-tf5", "phi4-mini", "phi35-moe", "tiny-phi3"})
  void findsNothingInPublishedModels(String model) {
    assertThat(examine(Fixtures.model(model), Optional.of(Fixtures.model(model)))).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "generation_config.json ; eos_token_id ; 2000 ; EOS ids ; talks on after its answer",
        "generation_config.json ; eos_token_id ; 99999 ; EOS ids ; can never give it",
        "generation_config.json ; eos_token_id ; [] ; EOS ids ; until the context is full",
        "tokenizer_config.json ; chat_template ; \"<|user|>hi<|end|>\" ; chat template ; another question",
        "tokenizer_config.json ; chat_template ; \"{{ messages[0].content }}<|human|>\" ; chat template ; one token there",
        "tokenizer_config.json ; chat_template ; \"{{ nothing.at.all }}\" ; chat template ; examined further",
        "tokenizer_config.json ; chat_template ; \"{{ messages[0].content * 999999 }}\" ; chat template ; examined further",
        "config.json ; tie_word_embeddings ; true ; tied embeddings ; leave lm_head.weight out",
        "config.json ; max_position_embeddings ; 4096 ; rotary embedding ; come out as nonsense",
      })
  void findsWhatIsWrongWithFiles(
      String file, String key, String value, String check, String consequence) throws IOException {
    Path model = copy();
    edit(model.resolve(file.strip()), json -> json.set(key, Json.MAPPER.readTree(value)));
    assertThat(examine(model, Optional.empty()))
        .anySatisfy(finding -> {
          assertThat(finding.severity()).isEqualTo(Severity.ERROR);
          assertThat(finding.check()).isEqualTo(check);
          assertThat(finding.consequence()).contains(consequence);
        });
  }

  @ParameterizedTest
  @CsvSource({
    "rope_theta, 5000, texts",
    "rms_norm_eps, 0.1, slightly off",
    "sliding_window, 16, length of the text"
  })
  void findsWhatDiffersFromTheOriginal(String key, double value, String consequence)
      throws IOException {
    Path model = copy();
    edit(
        model.resolve("config.json"),
        json -> {
          if (value == Math.rint(value)) {
            json.put(key, (int) value);
          } else {
            json.put(key, value);
          }
        });
    assertThat(examine(model, Optional.of(Fixtures.model("tiny-phi3"))))
        .singleElement()
        .satisfies(finding -> {
          assertThat(finding.check()).isEqualTo("original");
          assertThat(finding.consequence())
              .contains(consequence.replace("texts", "length of the text"));
        });
  }

  @Test
  void tellsOfAFewMarkersOnly() throws IOException {
    Path model = copy();
    String template = "{{ messages[0].content }}{% for i in range(999) %}<|{{ i }}|>{% endfor %}";
    edit(model.resolve("tokenizer_config.json"), json -> json.put("chat_template", template));
    assertThat(examine(model, Optional.empty()))
        .filteredOn(finding -> finding.found().contains("no token of its own"))
        .hasSize(8);
  }

  @Test
  void findsTwoTemplates() throws IOException {
    Path model = copy();
    Files.writeString(
        model.resolve("chat_template.jinja"), "{{ messages[0].content }}<|end|><|assistant|>");
    assertThat(examine(model, Optional.empty()))
        .anySatisfy(finding -> {
          assertThat(finding.severity()).isEqualTo(Severity.WARNING);
          assertThat(finding.found()).contains("another chat template than tokenizer_config.json");
        });
  }

  @Test
  void findsNumbersThatAreNone() throws IOException {
    Path model = copy();
    try (FileChannel channel =
        FileChannel.open(model.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
      ByteBuffer nan = ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN);
      channel.write(nan.putShort((short) 0x7FC0).flip(), channel.size() - 2000);
    }
    assertThat(examine(model, Optional.empty()))
        .singleElement()
        .satisfies(finding -> {
          assertThat(finding.check()).isEqualTo("tensor ranges");
          assertThat(finding.found()).contains("holds 1 numbers that are NaN or infinite");
        });
  }

  private Path copy() throws IOException {
    Path to = Files.createDirectory(folder.resolve("tiny-phi3"));
    try (Stream<Path> files = Files.list(Fixtures.model("tiny-phi3"))) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    return to;
  }

  private static void edit(Path file, Consumer<ObjectNode> change) throws IOException {
    ObjectNode json = (ObjectNode) Json.MAPPER.readTree(Files.readString(file));
    change.accept(json);
    Files.writeString(file, json.toString());
  }

  private static List<Finding> examine(Path model, Optional<Path> original) {
    try (Checkpoint checkpoint = Sources.open(model)) {
      if (original.isEmpty()) {
        return Doctor.examine(checkpoint, Optional.empty());
      }
      try (Checkpoint against = Sources.open(original.get())) {
        return Doctor.examine(checkpoint, Optional.of(against));
      }
    }
  }
}
