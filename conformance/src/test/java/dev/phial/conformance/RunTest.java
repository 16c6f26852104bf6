package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.Printable;
import dev.phial.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial run} as a user meets it; that the logits are right is tested in the engine. */
final class RunTest {
  private static final String PROMPT = "First Citizen:\nBefore we proceed";

  @TempDir Path folder;

  @Test
  void continuesTheSameFromEveryFile() {
    JsonNode expected = json("demo", "-p", PROMPT, "-n", "24", "--temperature", "0");
    assertThat(expected.path("finish").stringValue()).isEqualTo("length");
    assertThat(expected.path("ids").size()).isEqualTo(24);
    assertThat(expected.path("generated_tokens").intValue()).isEqualTo(24);
    assertThat(expected.path("text").stringValue()).isNotBlank();
    String gguf = folder.resolve("demo.gguf").toString();
    Phial.call(List.of("quantize", "demo", "--to", "gguf:BF16", "-o", gguf)).succeeded();
    JsonNode same = json(gguf, "-p", PROMPT, "-n", "24", "--temperature", "0");
    assertThat(same.path("ids")).isEqualTo(expected.path("ids"));
    assertThat(same.path("text")).isEqualTo(expected.path("text"));
  }

  @Test
  void printsTheTextAloneAndTheRestToStderr() {
    String text = json("demo", "-p", PROMPT, "-n", "8").path("text").stringValue();
    Command.Result result = run("demo", "-p", PROMPT, "-n", "8").succeeded();
    assertThat(result.out()).isEqualTo(text + "\n");
    assertThat(result.err())
        .contains("prompt: ", "answer: 8 tokens", "tokens/s", "sampling: greedy", "peak memory");
  }

  @Test
  void drawsTheSameWithTheSameSeed() {
    String[] once = {"demo", "-p", PROMPT, "-n", "32", "--temperature", "1.5", "--seed", "7"};
    JsonNode first = json(once);
    assertThat(json(once).path("ids")).isEqualTo(first.path("ids"));
    once[once.length - 1] = "8";
    assertThat(json(once).path("ids")).isNotEqualTo(first.path("ids"));
    assertThat(first.path("seed").intValue()).isEqualTo(7);
  }

  /** What says how to choose without saying how hot means to choose. */
  @Test
  void choosesWhereAskedTo() {
    assertThat(json("demo", "-p", "a", "-n", "1", "--top-p", "0.9").path("sampling").stringValue())
        .isEqualTo("temperature 1.0, top-k 0, top-p 0.9, min-p 0.0, repetition penalty 1.0");
  }

  @Test
  void takesWhatTheModelRecommends() throws IOException {
    Path model = copy("tiny-phi3");
    Files.writeString(
        model.resolve("generation_config.json"),
        "{\"do_sample\": true, \"temperature\": 0.5, \"top_k\": 3, \"eos_token_id\": 13}");
    JsonNode json = json(model.toString(), "-p", PROMPT, "-n", "200");
    assertThat(json.path("sampling").stringValue()).startsWith("temperature 0.5, top-k 3,");
    // a line feed ends it now, and is not part of it
    assertThat(json.path("finish").stringValue()).isEqualTo("end");
    assertThat(json.path("text").stringValue()).doesNotContain("\n");
  }

  @Test
  void endsBeforeStopStrings() {
    String whole = json("demo", "-p", PROMPT, "-n", "40").path("text").stringValue();
    String stop = whole.substring(17, 21); // somewhere in the words
    JsonNode json = json("demo", "-p", PROMPT, "-n", "40", "--stop", "never said", "--stop", stop);
    assertThat(json.path("finish").stringValue()).isEqualTo("stop");
    assertThat(json.path("text").stringValue()).isEqualTo(whole.substring(0, whole.indexOf(stop)));
  }

  @Test
  void readsFilesStandardInputAndTemplates() throws IOException {
    JsonNode expected = json("demo", "-p", PROMPT, "-n", "4");
    assertThat(json("demo", "--file", file("prompt.txt", PROMPT), "-n", "4").path("ids"))
        .isEqualTo(expected.path("ids"));
    JsonNode chat = json("demo", "-p", "Who is there?", "--system", "Be kind.", "-n", "4");
    JsonNode spelled =
        json(
            "demo",
            "-p",
            "<|system|>\nBe kind.<|end|>\n<|user|>\nWho is there?<|end|>\n<|assistant|>\n",
            "-n",
            "4");
    assertThat(chat.path("prompt_tokens")).isEqualTo(spelled.path("prompt_tokens"));
    assertThat(chat.path("ids")).isEqualTo(spelled.path("ids"));
  }

  @Test
  void endsWhenTheContextIsFull() {
    JsonNode json = json("demo", "-p", PROMPT, "--context", "20", "--ignore-eos");
    assertThat(json.path("finish").stringValue()).isEqualTo("context");
    // the last token is chosen, but has no place any more
    assertThat(json.path("prompt_tokens").intValue() + json.path("generated_tokens").intValue())
        .isEqualTo(21);
  }

  /** So hot that it draws parts of characters too: what is streamed is what they are together. */
  @Test
  void streamsCharactersWhole() throws IOException {
    String[] words = {
      "demo", "--file", file("unicode.txt", "äöü € 𝄞 日本語 "), "-n", "200", "--temp", "9", "-s", "3"
    };
    JsonNode json = json(words);
    String text = json.path("text").stringValue();
    assertThat(run(words).succeeded().out()).isEqualTo(Printable.lines(text) + "\n");
    Tokenizer tokenizer = Tokenizer.open(Path.of(Phial.model("tiny-phi3")));
    int[] ids = json.path("ids").valueStream().mapToInt(JsonNode::intValue).toArray();
    assertThat(Arrays.stream(ids).filter(id -> id < 259).count())
        .as("tokens that are bytes")
        .isPositive();
    assertThat(json.path("text").stringValue().strip()).isEqualTo(tokenizer.decode(ids).strip());
  }

  /** The one that transformers takes, in every export too; GGUF has llama.cpp's, and says so. */
  @Test
  void takesOneOfTwoTemplates() throws IOException {
    Path model = copy("tiny-phi3");
    int inline = chatTokens(model);
    Files.writeString(
        model.resolve("chat_template.jinja"),
        "{% for m in messages %}NEW:{{ m.content }}<|end|>{% endfor %}<|assistant|>");
    int own = chatTokens(model);
    assertThat(own).isNotEqualTo(inline);
    for (String target : List.of("onnx:int4", "openvino:int4", "mlx:4")) {
      Path export = folder.resolve(target.replace(':', '-'));
      convert(model, target, export);
      assertThat(chatTokens(export)).as(target).isEqualTo(own);
    }
    Path gguf = folder.resolve("model.gguf");
    assertThat(convert(model, "gguf:Q8_0", gguf).err())
        .contains("note: the chat template is that of tokenizer_config.json");
    assertThat(chatTokens(gguf)).isEqualTo(inline);
  }

  private static Command.Result convert(Path model, String target, Path output) {
    return Phial.call(
            List.of("quantize", model.toString(), "--to", target, "-o", output.toString()))
        .succeeded();
  }

  private int chatTokens(Path model) {
    return json(model.toString(), "-p", "Hi", "--chat", "-n", "1").path("prompt_tokens").intValue();
  }

  /** A model whose every "e" is an escape: on a terminal, what follows could be a command. */
  @Test
  void doesNotSteerTheTerminal() throws IOException {
    Path model = copy("tiny-phi3");
    Files.delete(model.resolve("tokenizer.model"));
    Path file = model.resolve("tokenizer.json");
    JsonNode tokenizer = new JsonMapper().readTree(Files.readString(file));
    ObjectNode bpe = (ObjectNode) tokenizer.path("model");
    for (String part : List.of("vocab", "merges")) {
      String escaped = bpe.path(part).toString().replace("e", "\\u001b");
      bpe.set(part, new JsonMapper().readTree(escaped));
    }
    Files.writeString(file, tokenizer.toString());
    String[] words = {model.toString(), "-p", "Who is th", "-n", "30"};
    assertThat(json(words).path("text").stringValue()).contains("\u001B");
    assertThat(run(words).succeeded().out()).contains("\\u{1b}").doesNotContain("\u001B");
  }

  @Test
  void refusesWhatMakesNoSense() throws IOException {
    assertFails(2, "--temperature: expected a number", "demo", "-p", "a", "--temperature", "-1");
    assertFails(
        2, "'--temperature': 'hot' is not a double", "demo", "-p", "a", "--temperature", "hot");
    assertFails(2, "--temperature: expected a number", "demo", "-p", "a", "--temp", "NaN");
    assertFails(2, "--top-p: expected a number", "demo", "-p", "a", "--top-p", "1.5");
    assertFails(2, "--max-tokens: expected", "demo", "-p", "a", "-n", "0");
    assertFails(2, "--stop: expected some text", "demo", "-p", "a", "--stop", "");
    assertFails(2, "--threads: expected 1 to", "demo", "-p", "a", "--threads", "0");
    assertFails(2, "--cache-type: expected f16 or f32", "demo", "-p", "a", "--cache-type", "q8_0");
    assertFails(2, "the context of the model", "demo", "-p", "a", "--context", "2000");
    assertFails(2, "there is no option --temprature", "demo", "-p", "a", "--temprature", "0");
    assertFails(2, "expected -p or --file, found both", "demo", "-p", "a", "--file", "b");
    assertFails(1, "expected a prompt, found none", "demo", "-p", "");
    Command.Result empty = Phial.run(folder, List.of("run", "demo")); // standard input is empty
    assertThat(empty.err()).contains("expected a prompt, found none");
    assertThat(empty.status()).isEqualTo(1);
    assertFails(1, "none.txt cannot be read", "demo", "--file", "none.txt");
    assertFails(
        1,
        "at most 4 tokens, the context, found 10; shorten it, or raise",
        "demo",
        "-p",
        PROMPT,
        "-c",
        "4");
    String tooLong = file("long.txt", "word ".repeat(2000));
    assertFails(1, "at most 1024 tokens, the context, found", "demo", "--file", tooLong);
    assertFails(1, "there is no such file or folder", "nowhere", "-p", "a");
  }

  /** What models make of images is the engine's to test. */
  @Test
  void looksAtImages() {
    String image =
        Phial.ROOT.resolve("engine/src/test/resources/dev/phial/engine/vision/tall.png").toString();
    String model = Phial.model("phi4-reasoning-vision");
    JsonNode result = json(model, "--image", image, "-p", "What is it?", "-n", "2");
    assertThat(result.path("prompt_tokens").intValue()).isGreaterThan(256); // a row for each patch
    assertFails(1, "found no such file", model, "--image", "missing.png", "-p", "x");
    assertFails(1, "expected a model that sees", "demo", "--image", image, "-p", "x");
    assertFails(2, "found <image>", model, "--image", image, "-p", "<image> <image>");
    assertFails(
        2, "found none of image 2", model, "--image", image, "--image", image, "-p", "<image> x");
  }

  @Test
  void saysWhatAModelLacks() throws IOException {
    assertFails(
        1, "expected a chat template, found none", Phial.model("phi2"), "-p", "a", "--chat");
    assertFails(1, "does the file hold only a vocabulary?", vocabulary().toString(), "-p", "a");
    Path bare = copy("phi4");
    for (String name : List.of("tokenizer.json", "vocab.json", "merges.txt")) {
      Files.deleteIfExists(bare.resolve(name));
    }
    assertFails(1, "expected tokenizer.json, tokenizer.model", bare.toString(), "-p", "a");
  }

  /** A GGUF file of the demo model without its tensors. */
  private Path vocabulary() throws IOException {
    Path gguf = folder.resolve("whole.gguf");
    Phial.call(List.of("quantize", "demo", "--to", "gguf:Q8_0", "-o", gguf.toString())).succeeded();
    byte[] bytes = Files.readAllBytes(gguf);
    // the tensor table begins with the length of the first name
    int table = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("output.weight") - 8;
    byte[] head = Arrays.copyOf(bytes, (table + 31) / 32 * 32);
    Arrays.fill(head, table, head.length, (byte) 0);
    Arrays.fill(head, 8, 16, (byte) 0); // so many tensors
    return Files.write(folder.resolve("vocabulary.gguf"), head);
  }

  /** The path of a new file. */
  private String file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text).toString();
  }

  private Path copy(String model) throws IOException {
    Path copy = Files.createDirectory(folder.resolve(model));
    try (var files = Files.list(Path.of(Phial.model(model)))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName().toString()));
      }
    }
    return copy;
  }

  private JsonNode json(String... arguments) {
    List<String> words = new ArrayList<>(List.of(arguments));
    words.add("--json");
    return new JsonMapper().readTree(run(words.toArray(new String[0])).succeeded().out());
  }

  private void assertFails(int status, String message, String... arguments) {
    Command.Result result = run(arguments);
    assertThat(result.err()).contains("phial: ", message);
    assertThat(result.status()).isEqualTo(status);
    assertThat(result.out()).isEmpty();
  }

  private Command.Result run(String... arguments) {
    List<String> words = new ArrayList<>(List.of("run"));
    words.addAll(List.of(arguments));
    return Phial.call(words);
  }
}
