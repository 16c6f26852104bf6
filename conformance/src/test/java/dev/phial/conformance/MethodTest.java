package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.phial.io.Json;
import dev.phial.source.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/**
 * {@code --method}: files of the same size that lose less, whoever loads them. What is asked for
 * here leaves room: the text is short.
 */
final class MethodTest {
  private static final String DEMO = Phial.model("tiny-phi3");

  private static final String SIZE = "bits_per_weight";

  private static final String LOSS = "kld_mean";

  private static final List<String> SHORT = List.of("--calibration-chunks", "12");

  /** Enough where it does not matter how little is lost. */
  private static final List<String> SHORTEST =
      List.of("--method", "best", "--calibration-chunks", "2");

  private static final String CONVERSATION =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"Who art thou?\"},"
          + " {\"role\": \"assistant\", \"content\": \"A gentleman of Verona.\"}]}";

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "gptq, 0.75, gguf:Q4_0, openvino:int4",
    "best, 0.5, gguf:Q4_K_M, onnx:int4",
    "best, 0.5, mlx:4, torch:w4a16",
  })
  void losesLessInAsManyBytes(String method, double most, String one, String other) {
    JsonNode reference = candidates(one, other, List.of());
    JsonNode followed =
        candidates(
            one, other, Stream.concat(Stream.of("--method", method), SHORT.stream()).toList());
    for (int i = 0; i < 2; i++) {
      JsonNode before = reference.path(i);
      JsonNode after = followed.path(i);
      assertThat(after.path(SIZE)).isEqualTo(before.path(SIZE));
      assertThat(after.path(LOSS).doubleValue())
          .as("%s", after.path("type"))
          .isLessThan(most * before.path(LOSS).doubleValue());
    }
  }

  private static JsonNode candidates(String one, String other, List<String> options) {
    List<String> words = new ArrayList<>(List.of("eval", DEMO, "--types", one + "," + other));
    words.addAll(List.of("--context", "256", "--chunks", "12", "--json"));
    words.addAll(options);
    return Json.MAPPER.readTree(Phial.call(words).succeeded().out()).path("candidates");
  }

  @ParameterizedTest
  @CsvSource({"tiny-phi3,gguf:Q4_0", "phi2,onnx:int4", "phi35-moe,mlx:4"})
  void doesNotDependOnThreads(String model, String type) throws IOException {
    List<TreeMap<String, String>> hashes = new ArrayList<>();
    for (String threads : List.of("1", "3")) {
      Path output = folder.resolve(threads);
      List<String> words =
          new ArrayList<>(List.of("quantize", Phial.model(model), "--to", type, "-o"));
      words.addAll(List.of(output.toString(), "--threads", threads));
      words.addAll(SHORTEST);
      Phial.call(words).succeeded();
      TreeMap<String, String> found = new TreeMap<>();
      try (Stream<Path> files = Files.walk(output)) {
        Sha256.of(files.filter(Files::isRegularFile).toList())
            .forEach((file, hash) -> found.put(output.relativize(file).toString(), hash));
      }
      hashes.add(found);
    }
    assertThat(hashes.getLast()).isEqualTo(hashes.getFirst()).isNotEmpty();
  }

  /** Killed at any moment, the same command goes on and writes what it would have written. */
  @Test
  void goesOnAfterAKill() throws Exception {
    Path resume = folder.resolve("so far");
    List<String> words =
        new ArrayList<>(List.of("quantize", DEMO, "--to", "gguf:Q4_K_M", "-o", "killed.gguf"));
    words.addAll(SHORTEST);
    words.addAll(List.of("--resume", resume.toString()));
    for (int stages = 1; stages < 12; stages += 8) {
      Process process =
          new ProcessBuilder(Phial.words(words))
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      while (process.isAlive() && bytes(resume) < stages * 100_000L) {
        Thread.sleep(5);
      }
      process.destroyForcibly().waitFor();
      assertThat(folder.resolve("killed.gguf")).doesNotExist();
      assertThat(resume).isNotEmptyDirectory();
    }
    Phial.run(folder, words).succeeded();
    assertThat(resume).isEmptyDirectory();
    assertThat(folder.resolve("killed.gguf"))
        .hasSameBinaryContentAs(Path.of(quantize("gguf:Q4_K_M", "whole.gguf")));
    assertRefused(
        2,
        "expected --method gptq or best",
        "quantize",
        DEMO,
        "--to",
        "gguf:Q4_0",
        "--resume",
        resume.toString());
  }

  /** Of a file, or all files of a folder; 0 where there is none. */
  private static long bytes(Path path) throws IOException {
    if (!Files.exists(path)) {
      return 0;
    }
    try (Stream<Path> files = Files.walk(path).filter(Files::isRegularFile)) {
      return files.mapToLong(file -> file.toFile().length()).sum();
    }
  }

  @Test
  void llamaCppRunsIt() {
    List<Path> files = new ArrayList<>();
    for (String type : List.of("Q4_K_M", "Q2_K", "Q5_0")) {
      files.add(Path.of(quantize("gguf:" + type, type + ".gguf")));
    }
    LlamaCpp.BUNDLED
        .generate(folder, files, "ROMEO:", 24)
        .forEach((file, text) ->
            assertThat(LlamaCppTest.commonWords(text)).as("%s: %s", file, text).isGreaterThan(0.5));
  }

  @Test
  void onnxRuntimeRunsIt() throws OrtException, IOException {
    Path output = Path.of(quantize("onnx:int4,matrix-bits=layers.1.=8", "onnx"));
    long[] ids = LongStream.range(0, 48).map(i -> (i * i * 7 + 3 * i) % 2000).toArray();
    float[] found = OnnxLogits.of(output, ids);
    float[] expected = OnnxLogits.ofEngine(output, ids);
    double sum = 0;
    for (int i = 0; i < found.length; i++) {
      sum += Math.pow(found[i] - expected[i], 2);
    }
    // ONNX Runtime rounds activations to 8 bits for MatMulNBits
    assertThat(Math.sqrt(sum / found.length)).isLessThan(0.1);
  }

  @Test
  void openvinoRunsIt() throws IOException {
    String output = quantize("openvino:int4,matrix-bits=layers.1.=8", "openvino");
    JsonNode result = OpenvinoGenaiTest.generate(folder, output);
    OpenvinoGenaiTest.isGreedy(output, result.get("prompt"), result.get("tokens"));
  }

  /** What mlx_lm computes of the codes is what it computes of the numbers they stand for. */
  @Test
  void mlxLmRunsIt() {
    String output = quantize("mlx:4,dtype=float32,matrix-bits=layers.1.=6", "mlx");
    String numbers = folder.resolve("numbers").toString();
    Phial.call(List.of("quantize", output, "--to", "mlx:float32", "-o", numbers)).succeeded();
    JsonNode results =
        Json.STRICT.readTree(
            Python.run(folder, "run_mlx.py", List.of(numbers, output, "--dtype,float32")));
    JsonNode result = results.iterator().next();
    assertThat(result.get("found")).isEqualTo(result.get("expected"));
    assertThat(result.get("difference").asDouble()).isCloseTo(0, within(1e-3));
  }

  private String quantize(String type, String name) {
    String output = folder.resolve(name).toString();
    List<String> words = new ArrayList<>(List.of("quantize", DEMO, "--to", type, "-o", output));
    words.addAll(SHORTEST);
    Phial.call(words).succeeded();
    return output;
  }

  /** Types that were picked lose less than a recipe of the same size, and take no more bytes. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          gguf:Q3_K_M | gguf:Q4_K_M   | 0.5
          mlx:mixed_3_4 | mlx:4       | 0.8
          openvino:int4,ratio=0.6 | openvino:int4 | 0.9
          onnx:int4,mixed=mixed_layers | onnx:int4 | 0.9
          """)
  void picksTypes(String recipe, String to, double most) throws IOException {
    String given = folder.resolve("recipe").toString();
    Phial.call(List.of("quantize", DEMO, "--to", recipe, "-o", given)).succeeded();
    long size = bytes(Path.of(given));
    String plan = folder.resolve("plan.json").toString();
    List<String> words = new ArrayList<>(List.of("tune", DEMO, "--to", to, "-o", plan));
    Path page = folder.resolve("plan.html");
    words.addAll(List.of("--size", "" + size, "--curve", "--html", page.toString()));
    words.addAll(SHORT);
    assertThat(Phial.call(words).succeeded().out()).contains("expected KLD");
    String picked = folder.resolve("picked").toString();
    Phial.call(List.of("quantize", DEMO, "--plan", plan, "-o", picked)).succeeded();
    assertThat(bytes(Path.of(picked))).isBetween(size * 97 / 100, size);
    words = new ArrayList<>(List.of("eval", DEMO, given, picked, "--context", "256", "--json"));
    words.addAll(List.of("--chunks", "12"));
    JsonNode candidates =
        Json.MAPPER.readTree(Phial.call(words).succeeded().out()).path("candidates");
    double lost = candidates.path(1).path(LOSS).doubleValue();
    assertThat(lost).isLessThan(most * candidates.path(0).path(LOSS).doubleValue());
    JsonNode found = Json.MAPPER.readTree(Files.readString(Path.of(plan)));
    double expected = found.path("expected_kld").doubleValue();
    assertThat(Files.readString(page))
        .contains("data-bytes=\"%d\" data-kld=\"%s\"".formatted(bytes(Path.of(picked)), expected));
    assertThat(lost).isBetween(expected / 1.5, expected * 1.5);
  }

  @Test
  void refusesPlansThatCannotBe() throws IOException {
    String plan = folder.resolve("plan.json").toString();
    // before the text is read, which would be refused as well
    String none = "--calibration-text=" + Files.writeString(folder.resolve("empty.txt"), "");
    assertRefused(
        1, "expected a budget of at least", "tune", DEMO, "--size", "1M", none, "-o", "x");
    assertRefused(2, "expected one of --size, --bits and --ram", "tune", DEMO, "-o", "x");
    assertRefused(2, "--size: expected a number", "tune", DEMO, "--size", "big", "-o", "x");
    String unmixed = "litert:int4";
    assertRefused(
        1, "matrices of several types", "tune", DEMO, "--to", unmixed, "--bits", "5", "-o", "x");
    Files.writeString(
        Path.of(plan), "{\"to\": \"gguf:Q4_K_M\", \"tensor_types\": {\"a\": \"Q4_K\"}}");
    assertRefused(1, "tune this very model", "quantize", DEMO, "--plan", plan, "-o", "x.gguf");
    Files.writeString(
        Path.of(plan), "{\"to\": \"gguf:Q4_K_M\", \"tensor_types\": {\"a\": \"Q9,b=/c\"}}");
    assertRefused(1, "expected the name of a tensor", "quantize", DEMO, "--plan", plan);
    Files.writeString(Path.of(plan), "{\"to\": \"litert\", \"tensor_types\": {\"a\": \"4\"}}");
    assertRefused(1, "expected a plan of phial tune", "quantize", DEMO, "--plan", plan);
    assertRefused(
        2, "that can have 8 bits", "quantize", DEMO, "--to", "mlx:4", "--matrix-bits", "up_prj=8");
    assertRefused(
        2, "one of [4, 8]", "quantize", DEMO, "--to", "onnx:int4", "--matrix-bits", "down_proj=3");
    assertRefused(
        2, "expected openvino:int4", "quantize", DEMO, "--to", "openvino:nf4,matrix-bits=o_proj=8");
  }

  private static void assertRefused(int status, String message, String... words) {
    Command.Result result = Phial.call(List.of(words));
    assertThat(result.err()).contains(message);
    assertThat(result.status()).isEqualTo(status);
  }

  /** A model that talks reads conversations as they would reach it. */
  @Test
  void readsConversations() throws IOException {
    Path file = folder.resolve("talk.jsonl");
    Files.writeString(file, (CONVERSATION + "\n").repeat(40));
    String output = folder.resolve("talk.gguf").toString();
    List<String> words = new ArrayList<>(List.of("quantize", DEMO, "--to", "gguf:Q4_0", "-o"));
    words.addAll(List.of(output, "--method", "gptq", "--calibration-context", "64"));
    words.addAll(List.of("--calibration-text", file.toString()));
    assertThat(Phial.call(words).succeeded().err()).contains("columns");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          2 | --method: expected one of reference, search, gptq, best, found awq | --method awq
          2 | --method: with --carry codes stay as they are; omit one of them    | --method gptq --carry
          2 | --calibration-chunks: expected a number above 0, found -1          | --method gptq --calibration-chunks -1
          2 | --calibration-context: expected at most 1024 tokens                | --method gptq --calibration-context 4096
          1 | expected at least 512 tokens to calibrate with, found              | --method best --calibration-text short.txt
          1 | bad.jsonl: line 2: expected {"messages":                           | --method gptq --calibration-text bad.jsonl
          1 | none.txt cannot be read                                            | --method best --calibration-text none.txt
          """)
  void refuses(int status, String message, String arguments) throws IOException {
    Files.writeString(folder.resolve("short.txt"), "O Romeo, Romeo! wherefore art thou Romeo?");
    Files.writeString(folder.resolve("bad.jsonl"), CONVERSATION + "\n{\"messages\": 7}\n");
    List<String> words = new ArrayList<>(List.of("quantize", DEMO, "--to", "gguf:Q4_0"));
    for (String word : arguments.split(" ", -1)) {
      words.add(
          word.endsWith(".txt") || word.endsWith(".jsonl")
              ? folder.resolve(word).toString()
              : word);
    }
    Path output = folder.resolve("x.gguf");
    words.addAll(List.of("-o", output.toString()));
    Command.Result result = Phial.call(words);
    assertThat(result.err()).contains(message);
    assertThat(result.status()).isEqualTo(status);
    assertThat(output).doesNotExist();
  }
}
