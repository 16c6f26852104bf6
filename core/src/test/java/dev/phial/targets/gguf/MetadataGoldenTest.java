package dev.phial.targets.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import dev.phial.source.Folder;
import dev.phial.source.GgufValue;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Names, model cards and tokenizer files mean what they mean to llama.cpp's converter. {@code
 * tools/make-metadata-golden.py} asks it.
 */
final class MetadataGoldenTest {
  /** A safetensors file without tensors. */
  private static final long PARAMETERS = 3_821_079_552L;

  @TempDir Path parent;

  static Stream<JsonNode> golden(String section) throws IOException {
    try (InputStream in = MetadataGoldenTest.class.getResourceAsStream("metadata-golden.json")) {
      return Json.STRICT.readTree(in).get(section).valueStream().toList().stream();
    }
  }

  static Stream<JsonNode> ids() throws IOException {
    return golden("ids");
  }

  @ParameterizedTest
  @MethodSource("ids")
  void readsNames(JsonNode golden) {
    ModelId id = ModelId.parse(golden.get("id").asString(), golden.get("parameters").asLong());
    assertThat(id)
        .isEqualTo(
            new ModelId(
                golden.get("name").asString(),
                text(golden, "organization"),
                text(golden, "basename"),
                text(golden, "finetune"),
                text(golden, "version"),
                text(golden, "size_label")));
  }

  static Stream<JsonNode> titles() throws IOException {
    return golden("titles");
  }

  @ParameterizedTest
  @MethodSource("titles")
  void writesTitles(JsonNode golden) {
    assertThat(ModelId.title(golden.get("text").asString()))
        .isEqualTo(golden.get("title").asString());
  }

  static Stream<JsonNode> sizes() throws IOException {
    return golden("sizes");
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void roundsSizes(JsonNode golden) {
    assertThat(
            SizeLabel.of(
                golden.get("total").asLong(),
                golden.get("shared").asLong(),
                golden.get("expert").asLong(),
                golden.get("experts").asLong()))
        .isEqualTo(golden.get("label").asString());
  }

  static Stream<JsonNode> folders() throws IOException {
    return golden("folders");
  }

  @ParameterizedTest
  @MethodSource("folders")
  void describesFolders(JsonNode golden) throws IOException {
    Folder folder = folder(golden);
    assertThat(
            told(
                GeneralMetadata.of(
                    folder,
                    PARAMETERS,
                    folder.file("override.json"),
                    text(golden, "model_name"),
                    "0.0X")))
        .isEqualTo(expected(golden));
  }

  static Stream<JsonNode> tokenizers() throws IOException {
    return golden("tokenizers");
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void findsSpecialTokens(JsonNode golden) throws IOException {
    assertThat(told(SpecialTokens.of(folder(golden), golden.get("limit").asInt())))
        .isEqualTo(expected(golden));
  }

  private Folder folder(JsonNode golden) throws IOException {
    Path folder = Files.createDirectory(parent.resolve(golden.get("name").asString()));
    for (Map.Entry<String, JsonNode> file : golden.get("files").properties()) {
      Path path = folder.resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.writeString(path, file.getValue().asString());
    }
    return Folder.read(folder);
  }

  /** Key, type and value of each line. */
  private static List<List<String>> told(Map<String, GgufValue> metadata) {
    List<List<String>> lines = new ArrayList<>();
    metadata.forEach((key, value) ->
        lines.add(
            List.of(
                key,
                value.type().name(),
                value instanceof GgufValue.Texts texts
                    ? texts.values().toString()
                    : value.toString())));
    return lines;
  }

  private static List<List<String>> expected(JsonNode golden) {
    List<List<String>> lines = new ArrayList<>();
    for (JsonNode line : golden.get("metadata")) {
      JsonNode value = line.get(2);
      lines.add(
          List.of(
              line.get(0).asString(),
              line.get(1).asString(),
              value.isArray()
                  ? value.valueStream().map(JsonNode::asString).toList().toString()
                  : value.asString()));
    }
    return lines;
  }

  private static Optional<String> text(JsonNode golden, String key) {
    return golden.hasNonNull(key) ? Optional.of(golden.get(key).asString()) : Optional.empty();
  }
}
