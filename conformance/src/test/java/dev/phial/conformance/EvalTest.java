package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code phial eval} as a user meets it; that its numbers are right is tested in the engine. */
final class EvalTest {
  private static final String DEMO = Phial.model("tiny-phi3");

  @TempDir Path folder;

  @Test
  void comparesTypesInMemoryWithFilesOfThem() {
    String file = folder.resolve("q4.gguf").toString();
    Phial.call(List.of("quantize", DEMO, "--to", "gguf:Q4_0", "-o", file)).succeeded();

    JsonNode json = eval(DEMO, file, "--types", "q4_0,Q8_0", "--context", "128", "--chunks", "4");

    assertThat(json.propertyNames())
        .containsExactly(
            "text",
            "threads",
            "reference",
            "candidates",
            "notes",
            "seconds",
            "peak_memory_bytes",
            "phial");
    assertThat(json.at("/text/chunks").intValue()).isEqualTo(4);
    assertThat(json.at("/text/scored").intValue()).isEqualTo(4 * 63);
    JsonNode reference = json.path("reference");
    assertThat(reference.path("path").stringValue()).isEqualTo(DEMO);
    assertThat(reference.path("type").stringValue()).isEqualTo("BF16");
    assertThat(reference.has("kld_mean")).isFalse();
    JsonNode written = json.at("/candidates/0");
    JsonNode held = json.at("/candidates/1");
    assertThat(written.path("path").stringValue()).isEqualTo(file);
    assertThat(held.has("path")).isFalse();
    for (String same : List.of("type", "bytes", "bits_per_weight", "memory_bytes")) {
      assertThat(held.path(same)).as(same).isEqualTo(written.path(same));
    }
    for (String near : List.of("ppl", "kld_mean", "kld_median", "kld_max", "top1", "delta_p_rms")) {
      double value = written.path(near).doubleValue();
      assertThat(value).as(near).isPositive();
      assertThat(held.path(near).doubleValue()).as(near).isCloseTo(value, within(1e-3 * value));
    }
    JsonNode better = json.at("/candidates/2");
    assertThat(better.path("type").stringValue()).isEqualTo("Q8_0");
    assertThat(better.path("kld_mean").doubleValue())
        .isBetween(1e-6, written.path("kld_mean").doubleValue() / 10);
    assertThat(better.path("weight_errors")).hasSize(6);
    assertThat(better.path("hidden_state_errors")).hasSize(5);
    assertThat(better.path("prefill_tokens_per_second").doubleValue()).isPositive();
    assertThat(better.path("decode_tokens_per_second").doubleValue()).isPositive();
  }

  /** What is quantized in memory is what would be written, whatever the target. */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3, 'gguf:Q4_K_M,onnx:int4,onnx:int8,openvino:int4,openvino:nf4,mlx:4,mlx:mxfp4'",
    "phi2, 'gguf:Q3_K_M,onnx:int4,openvino:int8,mlx:4'",
    "phi35-moe, 'gguf:Q4_0,onnx:int4,openvino:int4,mlx:8'"
  })
  void everyTargetInMemoryIsWhatItWrites(String name, String types) {
    String model = Phial.model(name);
    List<String> words =
        new ArrayList<>(List.of(model, "--types", types, "--context", "64", "--chunks", "2"));
    for (String type : types.split(",", -1)) {
      String output = folder.resolve(type.replace(':', '-')).toString();
      Phial.call(List.of("quantize", model, "--to", type, "-o", output)).succeeded();
      words.add(1, output);
    }
    JsonNode candidates = eval(words.toArray(String[]::new)).path("candidates");
    int count = types.split(",", -1).length;
    assertThat(candidates).hasSize(2 * count);
    for (int i = 0; i < count; i++) {
      JsonNode written = candidates.path(count - 1 - i); // the last type was put first
      JsonNode held = candidates.path(count + i);
      for (String figure : List.of("ppl", "kld_mean", "kld_max", "top1")) {
        double value = written.path(figure).doubleValue();
        assertThat(held.path(figure).doubleValue())
            .as("%s of %s", figure, written.path("path").stringValue())
            .isCloseTo(value, within(1e-2 * value)); // sums in another order
      }
      JsonNode errors = written.path("weight_errors");
      assertThat(errors.size()).isPositive();
      for (int k = 0; k < errors.size(); k++) {
        double error = errors.path(k).doubleValue();
        assertThat(held.path("weight_errors").path(k).doubleValue())
            .isCloseTo(error, within(1e-12 * error));
      }
    }
  }

  @Test
  void takesTurnsWhereMemoryIsShort() {
    String[] all = {DEMO, "--types", "Q8_0,Q4_0,Q2_K", "--context", "64", "--chunks", "4"};
    JsonNode atOnce = eval(all);
    JsonNode inTurns =
        eval(Stream.concat(Stream.of(all), Stream.of("--memory", "6M")).toArray(String[]::new));
    for (int i = 0; i < 3; i++) {
      JsonNode expected = atOnce.path("candidates").path(i);
      JsonNode found = inTurns.path("candidates").path(i);
      assertThat(found.path("type")).isEqualTo(expected.path("type"));
      double kld = expected.path("kld_mean").doubleValue();
      assertThat(found.path("kld_mean").doubleValue()).isCloseTo(kld, within(1e-3 * kld));
    }
    assertFails(
        1, "expected to need at most 4.00 MB of memory", DEMO, "--types", "Q8_0", "--memory", "4M");
  }

  @Test
  void readsMlxFoldersAndAsksQuestions() throws IOException {
    String mlx = folder.resolve("mlx").toString();
    Phial.call(List.of("quantize", DEMO, "--to", "mlx:4", "-o", mlx)).succeeded();
    Path tasks =
        Files.writeString(
            folder.resolve("tasks.jsonl"),
            "{\"question\": \"Good\", \"choices\": [\"morrow\", \"qqqq\"], \"answer\": 0}\n"
                + "{\"question\": \"Good\", \"choices\": [\"xzx\", \"my lord\"], \"answer\": \"my lord\"}\n");
    JsonNode json =
        eval(DEMO, mlx, "--context", "64", "--chunks", "2", "--tasks", tasks.toString());
    JsonNode candidate = json.at("/candidates/0");
    assertThat(candidate.path("kld_mean").doubleValue()).isBetween(1e-4, 0.1);
    assertThat(candidate.path("bits_per_weight").doubleValue()).isBetween(4.5, 5.0);
    for (JsonNode model : List.of(json.path("reference"), candidate)) {
      assertThat(model.at("/tasks/questions").intValue()).isEqualTo(2);
      assertThat(model.at("/tasks/accuracy").doubleValue()).isEqualTo(1);
    }
  }

  @Test
  void printsATable() {
    Command.Result result =
        run(DEMO, "--types", "Q4_K_M", "--context", "64", "--chunks", "2", "--wide");
    List<String> lines = result.succeeded().out().lines().toList();
    assertThat(lines).hasSize(5);
    assertThat(lines.get(0)).containsSubsequence("model", "perplexity", "KL divergence", "decode");
    assertThat(lines.get(2)).startsWith("Q4_K_M ").contains("in memory", "3.38 MB", "5.08", " ± ");
    assertThat(lines.get(3)).endsWith("2 chunks of 64, 62 tokens scored");
    assertThat(lines.get(4)).contains("of Phial on this machine");
  }

  @Test
  void aTableFitsEightyColumnsAndALimitIsAGate() {
    Command.Result result =
        run(
            DEMO,
            "--types",
            "Q8_0,Q4_K_M,openvino:int4,Q2_K",
            "--context",
            "64",
            "--chunks",
            "2",
            "--max-kl",
            "0.01");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains("phial: Q2_K: expected a mean KL divergence of at most 0.01, found 0.")
        .doesNotContain("phial: Q8_0");
    assertThat(result.out().lines()).allMatch(line -> line.length() <= 80).hasSize(7);
    assertThat(result.out())
        .startsWith("model ")
        .containsSubsequence("size", "bits", "KL divergence", "same top");
    run(DEMO, "--types", "Q8_0", "--context", "64", "--chunks", "2", "--max-kl", "0.01")
        .succeeded();
  }

  /** What plan promises, eval and inspect find. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "gguf:Q4_K_M",
        "onnx:int4",
        "openvino:int4",
        "mlx:4",
        "litert:int8",
        "torch:w4a16"
      })
  void sizesAndBitsAreThoseOfThePlan(String to) {
    String out = folder.resolve("sizes").toString();
    JsonNode plan =
        new JsonMapper()
            .readTree(
                Phial.call(List.of("quantize", DEMO, "--to", to, "-o", out, "--json", "--force"))
                    .succeeded()
                    .out())
            .at("/outputs/0");
    JsonNode candidate = eval(DEMO, out, "--context", "64", "--chunks", "1").at("/candidates/0");
    JsonNode inspected =
        new JsonMapper().readTree(Phial.call(List.of("inspect", out, "--json")).succeeded().out());
    assertThat(candidate.path("bytes")).isEqualTo(plan.path("bytes"));
    double bits = plan.path("bits_per_weight").doubleValue();
    assertThat(candidate.path("bits_per_weight").doubleValue()).isEqualTo(bits, within(0.02));
    assertThat(inspected.path("bits_per_weight").doubleValue()).isEqualTo(bits, within(0.02));
  }

  @Test
  void overlapsChunks() {
    JsonNode json = eval(DEMO, "--context", "64", "--stride", "16", "--chunks", "3");
    assertThat(json.at("/text/stride").intValue()).isEqualTo(16);
    assertThat(json.at("/text/context").intValue()).isEqualTo(64 + 8);
    assertThat(json.at("/text/scored").intValue()).isEqualTo(3 * 16);
    assertThat(json.path("candidates")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          2 | gguf: expected one of              | --types Q4_Z
          2 | expected a target, one of gguf     | --types tflite2:int8
          1 | phial calibrate makes one          | --types IQ1_S
          2 | --max-kl is for candidates         | --max-kl 1
          2 | --max-kl: expected a number from 0 | --types Q4_0 --max-kl -1
          2 | are for --types, which is missing  | --imatrix a.gguf
          2 | --context: expected at most 1024   | --context 2048
          2 | --context: expected at least 4     | --context 2
          2 | --stride: expected 1 to 64         | --context 64 --stride 900
          2 | --chunks: expected at least 1      | --chunks 0
          2 | --threads: expected                | --threads 0
          2 | --memory: expected a number and M  | --types Q4_0 --memory lots
          1 | at least 64 tokens, one context    | --context 64 --text short.txt
          1 | short.bin: expected UTF-8          | --text short.bin
          1 | none.txt cannot be read            | --text none.txt
          1 | none.jsonl cannot be read          | --tasks none.jsonl
          1 | there is no such file or folder    | nowhere.gguf
          1 | exists already; pass --force       | --html short.txt
          2 | short.txt is what this command reads | --context 4 --text short.txt --html short.txt --force
          """)
  void refuses(int status, String message, String arguments) throws IOException {
    Files.writeString(folder.resolve("short.txt"), "O Romeo, Romeo! wherefore art thou Romeo?");
    Files.write(folder.resolve("short.bin"), new byte[] {'n', 'a', (byte) 0xEF, 'v', 'e'});
    List<String> words = new ArrayList<>(List.of(DEMO));
    for (String word : arguments.split(" ", -1)) {
      boolean isHere = word.startsWith("short.") || word.startsWith("none.");
      words.add(isHere ? folder.resolve(word).toString() : word);
    }
    assertFails(status, message, words.toArray(String[]::new));
  }

  @Test
  void writesAPageAboutTheReferenceAlone() throws IOException {
    Path page = folder.resolve("page.html");
    String[] few = {DEMO, "--context", "64", "--chunks", "1", "--html", page.toString()};
    run(few).succeeded();
    assertThat(page).content().contains("<table>").doesNotContain("<svg");
    assertFails(1, "page.html exists already", few);
  }

  @Test
  void refusesOtherVocabularies() {
    assertFails(1, "expected the vocabulary of the reference", DEMO, Phial.model("phi4"));
  }

  @Test
  void refusesModelsWithoutTokenizer() throws IOException {
    String bare = copy("config.json", "model.safetensors");
    assertFails(1, "expected tokenizer.json, tokenizer.model", bare);
    assertFails(1, "expected tokenizer.json, tokenizer.model", DEMO, bare);
  }

  @Test
  void refusesWeightsThatAreNoNumbers() throws IOException {
    String damaged =
        copy(
            "config.json",
            "model.safetensors",
            "added_tokens.json",
            "tokenizer.json",
            "tokenizer.model",
            "tokenizer_config.json");
    Path weights = Path.of(damaged).resolve("model.safetensors");
    try (FileChannel channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
      byte[] nan = {(byte) 0xC0, 0x7F};
      channel.write(ByteBuffer.wrap(nan), Files.size(weights) - 4096);
    }
    String[] few = {"--context", "64", "--chunks", "1"};
    assertFails(
        1,
        "expected finite",
        Stream.concat(Stream.of(damaged), Stream.of(few)).toArray(String[]::new));
    assertFails(
        1,
        "model.safetensors: tensor ",
        Stream.concat(Stream.of(DEMO, damaged), Stream.of(few)).toArray(String[]::new));
    assertFails(1, "expected finite numbers, found NaN", damaged, "--types", "Q4_0");
  }

  private String copy(String... files) throws IOException {
    Path copy = Files.createDirectory(folder.resolve("model"));
    for (String file : files) {
      Files.copy(Path.of(DEMO).resolve(file), copy.resolve(file));
    }
    return copy.toString();
  }

  private static JsonNode eval(String... arguments) {
    String[] words =
        Stream.concat(Stream.of(arguments), Stream.of("--json")).toArray(String[]::new);
    return new JsonMapper().readTree(run(words).succeeded().out());
  }

  private static void assertFails(int status, String message, String... arguments) {
    Command.Result result = run(arguments);
    assertThat(result.err()).startsWith("phial: ").contains(message);
    assertThat(result.err().lines().filter(line -> !line.startsWith("See ")).count()).isEqualTo(1);
    assertThat(result.status()).isEqualTo(status);
    assertThat(result.out()).isEmpty();
  }

  private static Command.Result run(String... arguments) {
    List<String> words = new ArrayList<>(List.of("eval"));
    words.addAll(List.of(arguments));
    return Phial.call(words);
  }
}
