package dev.phial.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.engine.GgufFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class TokenizerTest {
  private static final List<String> TEXTS =
      List.of(
          "Hello, world!",
          "  it's  I'll\n\n 12345 ünï 日本 😀\t",
          "<|user|>\nHi<|end|>\n<|assistant|>\n",
          "        eight blanks, x   three",
          "");

  @TempDir Path folder;

  @Test
  void sentencePieceModelIsEnough() throws IOException {
    copy("phi3-mini-4k", "tokenizer.model", "added_tokens.json", "tokenizer_config.json");
    assertSame(folder, Fixtures.model("phi3-mini-4k"));
  }

  @Test
  void vocabularyAndMergesAreEnough() throws IOException {
    copy("phi2", "vocab.json", "merges.txt", "tokenizer_config.json");
    assertSame(folder, Fixtures.model("phi2"));
  }

  /** Phi-3-small comes with the bytes of its tokens and nothing else. */
  @Test
  void tiktokenFileIsEnough() throws IOException {
    copy("phi3-small-8k", "tokenizer_config.json");
    Map<Integer, String> lines = new TreeMap<>();
    JsonNode json =
        new JsonMapper().readTree(Fixtures.model("phi3-small-8k").resolve("tokenizer.json"));
    for (Map.Entry<String, JsonNode> token : json.path("model").path("vocab").properties()) {
      int id = token.getValue().intValue();
      lines.put(id, Base64.getEncoder().encodeToString(bytes(token.getKey())) + " " + id);
    }
    Files.write(folder.resolve("cl100k_base.tiktoken"), lines.values());
    assertSame(folder, Fixtures.model("phi3-small-8k"));
  }

  /** The bytes that printable characters of byte-level vocabularies stand for. */
  private static byte[] bytes(String token) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int next = 256;
    Map<Integer, Integer> byCharacter = new TreeMap<>();
    for (int b = 0; b < 256; b++) {
      boolean prints = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      byCharacter.put(prints ? b : next++, b);
    }
    token.chars().forEach(c -> bytes.write(byCharacter.getOrDefault(c, 0)));
    return bytes.toByteArray();
  }

  private static void assertSame(Path found, Path expected) {
    Tokenizer tokenizer = Tokenizer.open(found);
    Tokenizer reference = Tokenizer.open(expected);
    for (String text : TEXTS) {
      for (boolean special : new boolean[] {true, false}) {
        Encoding encoding = tokenizer.encode(text, special);
        assertThat(encoding.ids()).isEqualTo(reference.encode(text, special).ids());
        assertThat(encoding.pieces()).isEqualTo(reference.encode(text, special).pieces());
        assertThat(tokenizer.decode(encoding.ids())).isEqualTo(reference.decode(encoding.ids()));
      }
    }
  }

  @Test
  void piecesAreTheVocabularys() {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi3-mini-4k"));
    assertThat(tokenizer.encode("<|user|>\n a\n", true).pieces())
        .containsExactly("<|user|>", "▁a", "<0x0A>");
    assertThat(tokenizer.encode("<|user|>", false).pieces()).doesNotContain("<|user|>");
    assertThat(Tokenizer.open(Fixtures.model("phi4")).encode(" the", false).pieces())
        .containsExactly("Ġthe");
  }

  @Test
  void halfOfASurrogatePairIsNoText() {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi4"));
    int[] ids = tokenizer.encode("😀 \uD83D x \uDE00", false).ids();
    assertThat(tokenizer.decode(ids)).isEqualTo("😀 \uFFFD x \uFFFD");
  }

  @Test
  void idsThatStandForNothingGiveNoText() {
    for (String model : List.of("phi4", "phi3-mini-4k")) {
      Tokenizer tokenizer = Tokenizer.open(Fixtures.model(model));
      assertThat(tokenizer.decode(-1, Integer.MAX_VALUE, 1 << 20)).isEmpty();
      assertThat(tokenizer.decode()).isEmpty();
    }
  }

  @Test
  void streamHoldsBackHalfCharacters() {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi4"));
    int[] ids = tokenizer.encode("a😀b", false).ids();
    TextStream stream = tokenizer.stream();
    assertThat(ids).hasSize(6);
    assertThat(stream.add(ids[0])).isEqualTo("a");
    assertThat(stream.add(ids[1]) + stream.add(ids[2]) + stream.add(ids[3])).isEmpty();
    assertThat(stream.add(ids[4])).isEqualTo("😀");
    assertThat(stream.add(ids[5])).isEqualTo("b");
    assertThat(stream.end()).isEmpty();
  }

  @Test
  void streamEndsWithWhatNeverBecameACharacter() {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi4"));
    int[] ids = tokenizer.encode("😀", false).ids();
    TextStream stream = tokenizer.stream();
    assertThat(stream.add(ids[0])).isEmpty();
    assertThat(stream.end()).isEqualTo("\uFFFD");
  }

  @Test
  void streamKnowsWhetherABlankLeads() {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi3-mini-4k"));
    int[] ids = tokenizer.encode("and", false).ids();
    assertThat(tokenizer.stream().add(ids[0])).isEqualTo("and");
    assertThat(tokenizer.streamAfter(tokenizer.encode("this", false).ids()).add(ids[0]))
        .isEqualTo(" and");
  }

  @ParameterizedTest
  @CsvSource({
    "phi2, 1900, false, 1900",
    "phi3-mini-4k, 1, false, 2000 2001 2007",
    "phi4, 2101, false, 2101 2104",
    "phi4-mini, 2100, false, 2100 2103 2105",
  })
  void specialTokensOfAFolder(String model, int begin, boolean addsBegin, String ends) {
    SpecialTokens special = Tokenizer.open(Fixtures.model(model)).special();
    assertThat(special.begin()).hasValue(begin);
    assertThat(special.addsBegin()).isEqualTo(addsBegin);
    assertThat(special.ends().stream().sorted().map(String::valueOf).toList())
        .containsExactly(ends.split(" ", -1));
    assertThat(special.names()).containsKeys("bos_token", "eos_token", "unk_token", "pad_token");
  }

  @Test
  void specialTokensOfAGguf() {
    SpecialTokens special = Tokenizer.open(Fixtures.gguf("phi3-mini-4k", folder)).special();
    assertThat(special.begin()).hasValue(1);
    assertThat(special.addsBegin()).isFalse();
    assertThat(special.ends()).containsExactlyInAnyOrder(2000, 2007);
    assertThat(special.names()).containsEntry("eos_token", "<|endoftext|>");
  }

  @Test
  void vocabularyOnlyGguf() {
    Tokenizer tokenizer = Tokenizer.open(scored().write(folder.resolve("vocab.gguf")));
    assertThat(tokenizer.encode("ab <e>b é", true).pieces())
        .containsExactly("▁ab", "▁", "<e>", "▁", "b", "▁", "<0xC3>", "<0xA9>");
    assertThat(tokenizer.encode("<e>", false).pieces()).doesNotContain("<e>");
    assertThat(tokenizer.special().addsBegin()).isTrue(); // llama.cpp's default
    assertThat(tokenizer.special().ends()).containsExactly(8);
  }

  @Test
  void noBlankLeadsIfTheFileSaysSo() {
    Path file =
        scored().flag("tokenizer.ggml.add_space_prefix", false).write(folder.resolve("v.gguf"));
    Tokenizer tokenizer = Tokenizer.open(file);
    assertThat(tokenizer.encode("ab", true).pieces()).containsExactly("ab");
    assertThat(tokenizer.decode(tokenizer.encode(" ab", true).ids())).isEqualTo(" ab");
  }

  /** A SentencePiece vocabulary of nine tokens. */
  private static GgufFile scored() {
    return new GgufFile()
        .text("general.architecture", "phi3")
        .text("tokenizer.ggml.model", "llama")
        .texts(
            "tokenizer.ggml.tokens",
            List.of("<unk>", "a", "b", "▁", "ab", "▁ab", "<0xC3>", "<0xA9>", "<e>"))
        .reals("tokenizer.ggml.scores", 0, -9, -9, -9, -1, -2, 0, 0, 0)
        .ints("tokenizer.ggml.token_type", 2, 1, 1, 1, 1, 1, 6, 6, 3)
        .whole("tokenizer.ggml.eos_token_id", 8);
  }

  @Test
  void refusesGgufWithoutATokenizer() {
    Path file =
        new GgufFile().text("general.architecture", "phi3").write(folder.resolve("none.gguf"));
    assertThatThrownBy(() -> Tokenizer.open(file))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContainingAll(
            "none.gguf", "expected a tokenizer in the metadata, found none", "convert");
  }

  @Test
  void refusesMetadataThatDoesNotFit() {
    Path file = scored().ints("tokenizer.ggml.merges", 1).write(folder.resolve("ok.gguf"));
    assertThat(Tokenizer.open(file).encode("a", false).ids()).isNotEmpty();
    assertRefused(
        new GgufFile()
            .text("tokenizer.ggml.model", "llama")
            .texts("tokenizer.ggml.tokens", List.of("a", "b"))
            .reals("tokenizer.ggml.scores", 0),
        "scores: expected 2 numbers, one for each token, found 1");
    assertRefused(
        new GgufFile()
            .text("tokenizer.ggml.model", "gpt2")
            .text("tokenizer.ggml.pre", "made-up")
            .texts("tokenizer.ggml.tokens", List.of("a"))
            .texts("tokenizer.ggml.merges", List.of()),
        "expected tokenizer.ggml.pre to be one of [dbrx, default, gpt-2");
    assertRefused(
        new GgufFile()
            .text("tokenizer.ggml.model", "gpt2")
            .texts("tokenizer.ggml.tokens", List.of("a"))
            .texts("tokenizer.ggml.merges", List.of("a b")),
        "out of vocabulary");
    assertRefused(
        new GgufFile().text("tokenizer.ggml.model", "bert"), "to be llama or gpt2, found bert");
    assertRefused(
        new GgufFile().text("tokenizer.ggml.model", "gpt2"), "tokens: expected a list of strings");
  }

  private void assertRefused(GgufFile gguf, String message) {
    Path file = gguf.write(folder.resolve("bad.gguf"));
    assertThatThrownBy(() -> Tokenizer.open(file).encode("a", false))
        .isInstanceOf(PhialException.class)
        .hasMessageContaining("bad.gguf")
        .hasMessageContaining(message);
  }

  @Test
  void refusesFolderWithoutATokenizer() {
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining(
            "expected tokenizer.json, tokenizer.model, vocab.json with merges.txt");
  }

  /** What would make the library end the process, or take for ever. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "[]",
        "{'model':{'type':'BPE'}}",
        "{'model':{'type':'Unigram','vocab':[]}}",
        "{'model':{'vocab':{'a':0},'merges':['a c']}}",
        "{'model':{'vocab':{'a':0},'merges':7}}",
        "{'model':{'vocab':{'a':'b'}}}",
        "{'model':{'vocab':{'a':0},'dropout':0.5}}",
        "{'model':{'vocab':{'a':0},'continuing_subword_prefix':'##'}}",
        "{'model':{'vocab':{'a':0},'unk_token':'b'}}",
        "{'model':{'vocab':{'a':0}},'added_tokens':[{'content':'b'}]}",
        "{'model':{'vocab':{'a':0}},'added_tokens':[{'id':-1,'content':'b'}]}",
        "{'model':{'vocab':{'a':0}},'added_tokens':[{'id':1,'content':'b','rstrip':true},{'id':2,'content':' '}]}",
        "{'model':{'vocab':{'a':0}},'pre_tokenizer':{'type':'Split','pattern':{'Regex':'(a+)+$'},'behavior':'Isolated','invert':false}}",
        "{'model':{'vocab':{'a':0}},'pre_tokenizer':{'type':'Split','pattern':{'Regex':'('},'behavior':'Isolated','invert':false}}",
        "{'model':{'vocab':{'a':0}},'pre_tokenizer':{'type':'BertPreTokenizer'}}",
        "{'model':{'vocab':{'a':0}},'pre_tokenizer':{'type':'Sequence'}}",
        "{'model':{'vocab':{'a':0}},'normalizer':{'type':'Replace','pattern':{'Regex':''},'content':'b'}}",
        "{'model':{'vocab':{'a':0}},'normalizer':{'type':'Replace','pattern':{'String':' '},'content':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}}",
        "{'model':{'vocab':{'a':0}},'normalizer':{'type':'Sequence','normalizers':[{'type':'Sequence','normalizers':[]}]}}",
        "{'model':{'vocab':{'a':0}},'normalizer':{'type':'Prepend','prepend':''},'pre_tokenizer':{'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true,'use_regex':false}}",
        "{'model':{'vocab':{'a':0}},'normalizer':{'type':'Lowercase'}}",
        "{'model':{'vocab':{'a':0}},'normalizer':{'type':'Replace','pattern':{'String':'b'},'content':''},'added_tokens':[{'id':1,'content':'b','normalized':true}]}",
        "{'model':{'vocab':{'a':0}},'decoder':{'type':'Strip','content':'a','start':0,'stop':3}}",
        "{'model':{'vocab':{'a':2147483648}}}",
        "{'model':{'vocab':{'a':99999999}}}",
        "{'model':{'vocab':{'a':99999999999999999999}}}",
        "{'model':{'vocab':{'a':-1}}}",
        "{'model':{'vocab':{'a':0.5}}}",
        "{'model':{'vocab':{'a':{}}}}",
        "{'model':{'vocab':{'a':0}},'added_tokens':[{'id':99999999,'content':'b'}]}",
      })
  void refusesUnsoundTokenizers(String json) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), json.replace('\'', '"'));
    assertThatThrownBy(() -> Tokenizer.open(folder).encode("aaab", true))
        .isInstanceOfAny(PhialException.BadInput.class, PhialException.Unsupported.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContainingAll("expected", "found");
  }

  /** Each step makes little of a character, all of them together more than there is memory. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "normalizer => normalizers => {'type':'Replace','pattern':{'String':'a'},'content':'aaaaaaaaaaaaaaaa'}",
        "normalizer => normalizers => {'type':'Prepend','prepend':'aaaaaaaaaaaaaaaa'}",
        "normalizer => normalizers => {'type':'NFC'}",
        "pre_tokenizer => pretokenizers => {'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true,'use_regex':false}",
        "pre_tokenizer => pretokenizers => {'type':'Metaspace','replacement':'▁','prepend_scheme':'always'}",
        "decoder => decoders => {'type':'Replace','pattern':{'String':'a'},'content':'aaaaaaaaaaaaaaaa'}",
      })
  void refusesStepsThatMakeMuchOfLittle(String place, String list, String step) throws IOException {
    String json =
        "{'model':{'vocab':{'a':0}},'%s':{'type':'Sequence','%s':[%s]}}"
            .formatted(place, list, String.join(",", Collections.nCopies(16, step)));
    Files.writeString(folder.resolve("tokenizer.json"), json.replace('\'', '"'));
    assertThatThrownBy(() -> Tokenizer.open(folder).encode("aaab", true))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContainingAll(
            folder.toString(), "expected steps that make at most 64 bytes of one, found");
  }

  @Test
  void refusesTokensWithoutMeasure() throws IOException {
    String added =
        IntStream.range(1, 20_000)
            .mapToObj(id -> "{\"id\":%d,\"content\":\"<%d>\"}".formatted(id, id))
            .collect(Collectors.joining(","));
    Files.writeString(
        folder.resolve("tokenizer.json"),
        "{\"model\":{\"vocab\":{\"a\":0}},\"added_tokens\":[%s]}".formatted(added));
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("expected at most 16384 added tokens, found 19999");
    String tooLong = "a".repeat(2000);
    assertRefused(
        new GgufFile()
            .text("tokenizer.ggml.model", "gpt2")
            .texts("tokenizer.ggml.tokens", List.of("a", tooLong))
            .texts("tokenizer.ggml.merges", List.of()),
        "expected tokens of at most 1024 characters, found one of 2000");
    Files.writeString(
        folder.resolve("tokenizer.json"), "{\"model\":{\"vocab\":{\"%s\":0}}}".formatted(tooLong));
    assertThatThrownBy(() -> Tokenizer.open(folder))
        .hasMessageContaining("expected tokens of at most 1024 characters, found one of 2000");
  }

  /** A blank to one library is none to another; either way it may be a run that is too long. */
  @ParameterizedTest
  @ValueSource(strings = {"\u00A0 ", "\u2028 ", "\u001C ", "\u001Ca", "\u0085a"})
  void refusesEndlessGapsOfAnyBlanks(String two) {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi4"));
    assertThatThrownBy(() -> tokenizer.encode(two.repeat(550_000), false))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("expected words and gaps of at most 1048576 characters");
  }

  @Test
  void refusesEndlessWords() {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi4"));
    assertThatThrownBy(() -> tokenizer.encode(" " + "A".repeat(1_100_000), false))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("expected words and gaps of at most 1048576 characters");
  }

  @Test
  void encodesLongTexts() {
    Tokenizer tokenizer = Tokenizer.open(Fixtures.model("phi3-mini-4k"));
    String text = "It was the best of times. ".repeat(5_000);
    int[] ids = tokenizer.encode(text, false).ids();
    assertThat(tokenizer.decode(ids)).isEqualTo(text);
    assertThat(text.getBytes(StandardCharsets.UTF_8).length).isGreaterThan(ids.length);
  }

  private void copy(String model, String... files) throws IOException {
    for (String file : files) {
      Files.copy(Fixtures.model(model).resolve(file), folder.resolve(file));
    }
  }
}
