package dev.phial.targets.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.source.Folder;
import dev.phial.targets.gguf.Vocabulary.TokenType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tokens of every file of a folder, the later file winning, as llama.cpp's converter takes them.
 */
final class VocabulariesTest {
  @TempDir Path folder;

  @BeforeEach
  void writeModel() throws IOException {
    write("config.json", "{}");
    Files.write(folder.resolve("model.safetensors"), new byte[] {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'});
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  /** A SentencePiece model of normal pieces. */
  private void writePieces(String... pieces) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (String piece : pieces) {
      byte[] text = piece.getBytes(StandardCharsets.UTF_8);
      out.writeBytes(new byte[] {10, (byte) (text.length + 2), 10, (byte) text.length});
      out.writeBytes(text);
    }
    Files.write(folder.resolve("tokenizer.model"), out.toByteArray());
  }

  private Vocabulary read(int size) {
    return read(size, Optional.empty());
  }

  private Vocabulary read(int size, Optional<String> pre) {
    return Vocabularies.of(Folder.read(folder), size, pre);
  }

  private static List<String> types(Vocabulary vocabulary) {
    return IntStream.of(vocabulary.types())
        .mapToObj(id -> TokenType.values()[id - 1].toString())
        .toList();
  }

  @Test
  void laterFilesWin() throws IOException {
    writePieces("a", "b", "c", "d", "e");
    write("added_tokens.json", "{\"B\": 1, \"C\": 2, \"X\": 5, \"beyond\": 8}");
    write(
        "tokenizer_config.json",
        """
        {"added_tokens_decoder": {"2": {"content": "CC", "special": true}, "3": {"content": "D"}}}\
        """);
    write("tokenizer.json", "{\"added_tokens\": [{\"id\": 3, \"content\": \"DD\"}]}");
    Vocabulary vocabulary = read(8);
    assertThat(vocabulary.model()).isEqualTo("llama");
    assertThat(vocabulary.pre()).isEqualTo("default");
    assertThat(vocabulary.tokens())
        .containsExactly("a", "B", "CC", "DD", "e", "X", "[PAD6]", "[PAD7]");
    assertThat(types(vocabulary))
        .containsExactly(
            "NORMAL",
            "USER_DEFINED",
            "CONTROL",
            "USER_DEFINED",
            "NORMAL",
            "USER_DEFINED",
            "UNUSED",
            "UNUSED");
    assertThat(vocabulary.scores().orElseThrow())
        .containsExactly(0, -1000, -1000, -1000, 0, -1000, -10000, -10000);
  }

  @Test
  void bytePairTokensThatLookSpecialAre() throws IOException {
    write(
        "tokenizer.json",
        """
        {"added_tokens": [{"id": 2, "content": "<|x|>"}, {"id": 3, "content": "▁y"},
                          {"id": 4, "content": "z", "special": true}, {"id": 6, "content": "<pad>"}],
         "pre_tokenizer": {"type": "ByteLevel"},
         "model": {"vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}\
        """);
    Vocabulary vocabulary = read(8);
    assertThat(vocabulary.model()).isEqualTo("gpt2");
    assertThat(vocabulary.pre()).isEqualTo("phi-2");
    assertThat(vocabulary.scores()).isEmpty();
    assertThat(vocabulary.merges()).containsExactly("a b");
    assertThat(vocabulary.tokens())
        .containsExactly("a", "b", "<|x|>", " y", "z", "[PAD5]", "<pad>", "[PAD7]");
    assertThat(types(vocabulary))
        .containsExactly(
            "NORMAL",
            "NORMAL",
            "CONTROL",
            "USER_DEFINED",
            "CONTROL",
            "UNUSED",
            "CONTROL",
            "UNUSED");
    assertThat(read(8, Optional.of("own")).pre()).isEqualTo("own");
  }

  @Test
  void theOlderPairOfFilesIsRead() throws IOException {
    write("vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2}");
    write("merges.txt", "#version: 0.2\r\na b\r\n");
    write("added_tokens.json", "{\"<x>\": 3}");
    Vocabulary vocabulary = read(4);
    assertThat(vocabulary.tokens()).containsExactly("a", "b", "ab", "<x>");
    assertThat(vocabulary.merges()).containsExactly("a b");
  }

  /** Phi-4 has a SentencePiece model in no file, but some fine-tunes keep one from Phi-3. */
  @Test
  void theClassOfTheTokenizerDecides() throws IOException {
    writePieces("a");
    write("vocab.json", "{\"b\": 0}");
    assertThat(read(1).tokens()).containsExactly("a");
    for (String type : List.of("GPT2Tokenizer", "GPT2TokenizerFast", "CodeGenTokenizer")) {
      write("tokenizer_config.json", "{\"tokenizer_class\": \"%s\"}".formatted(type));
      assertThat(read(1).tokens()).as(type).containsExactly("b");
    }
  }

  static Stream<Arguments> misfits() {
    String decoder = "{\"added_tokens_decoder\": {\"%s\": {\"content\": \"x\"}}}";
    String added = "{\"added_tokens\": [{\"id\": 9, \"content\": \"x\"}], \"model\": %s}";
    String pieces = "tokenizer.model";
    return Stream.of(
        Arguments.of("expected tokenizer.model, tokenizer.json or vocab.json", Map.of()),
        Arguments.of("expected at most vocab_size, 2, tokens, found 3", Map.of(pieces, "abc")),
        Arguments.of(
            "token x: expected an id below vocab_size, 2, found -3",
            Map.of(pieces, "ab", "added_tokens.json", "{\"x\": -3}")),
        Arguments.of(
            "token x: expected an id below vocab_size, 2, found -1",
            Map.of(pieces, "ab", "added_tokens.json", "{\"x\": \"one\"}")),
        Arguments.of(
            "found 5", Map.of(pieces, "ab", "tokenizer_config.json", decoder.formatted("5"))),
        Arguments.of(
            "found -1", Map.of(pieces, "ab", "tokenizer_config.json", decoder.formatted("-5"))),
        Arguments.of(
            "found -1", Map.of(pieces, "ab", "tokenizer_config.json", decoder.formatted("1e3"))),
        Arguments.of("found 9", Map.of(pieces, "ab", "tokenizer.json", added.formatted("{}"))),
        Arguments.of("found 9", Map.of("tokenizer.json", added.formatted("{\"vocab\":{\"a\":0}}"))),
        Arguments.of(
            "expected at most vocab_size, 2, tokens, found 6",
            Map.of("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 5}}}")),
        Arguments.of(
            "token a: expected an id, found -5",
            Map.of("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": -5}}}")),
        Arguments.of("token a: expected an id, found", Map.of("vocab.json", "{\"a\": {}}")),
        Arguments.of(
            "--override-kv tokenizer.ggml.pre",
            Map.of("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0}}}")));
  }

  @ParameterizedTest
  @MethodSource("misfits")
  void refusesTokenizersOfOtherModels(String found, Map<String, String> files) throws IOException {
    for (Map.Entry<String, String> file : files.entrySet()) {
      if (file.getKey().equals("tokenizer.model")) {
        writePieces(
            file.getValue().codePoints().mapToObj(Character::toString).toArray(String[]::new));
      } else {
        write(file.getKey(), file.getValue());
      }
    }
    assertThatThrownBy(() -> read(2))
        .isInstanceOfAny(PhialException.BadInput.class, PhialException.Unsupported.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(found);
  }
}
