package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * LiteRT computes from our models what transformers computes from the checkpoints, and LiteRT-LM
 * opens our bundles and writes what our engine writes. {@code tools/make-onnx-golden.py} makes the
 * logits.
 */
final class LitertRuntimeTest {
  private static final JsonNode LOGITS = Json.MAPPER.readTree(Phial.resource("onnx-logits.json"));

  /** The golden file has the logits of one token in so many. */
  private static final int STEP = 47;

  private static final int GENERATED = 24;

  private static final String PROMPT = "First Citizen:\nBefore we proceed any further, hear";

  @TempDir Path folder;

  /** On both sides of LongRoPE's boundary, which is 256 tokens, and of a window. */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,short,256",
    "phi2,short,256",
    "phi2,long,512",
    "phi3-mini-4k,short,128",
    "phi3-mini-4k,long,512",
    "phi4,short,256",
    "phi4,long,512",
    "phi3-medium-128k,short,256",
    "phi3-medium-128k,long,512",
    "phi4-mini,short,256",
    "phi4-mini,long,512"
  })
  void logitsAreThoseOfTransformers(String model, String text, int context) throws IOException {
    JsonNode golden = LOGITS.get(model).get(text);
    for (String precision : List.of("fp32", "fp16")) {
      String file = write(model, precision + ",no-bundle,prefill=32,8,context=" + context);
      ObjectNode commands = Json.MAPPER.createObjectNode();
      commands.putArray("logits").addArray().add(file).add(golden.get("ids")).add(STEP);
      JsonNode found = run(commands).at("/logits/0");
      assertThat(found).hasSameSizeAs(golden.get("logits"));
      float tolerance = precision.equals("fp32") ? 1e-4f : 0.05f;
      for (int i = 0; i < found.size(); i++) {
        assertThat(found.get(i).floatValue())
            .as("%s, token %d", precision, i * STEP)
            .isCloseTo(golden.get("logits").get(i).floatValue(), within(tolerance));
      }
    }
  }

  /**
   * A text that is longer than the window, which is 511 tokens. Our engine is held to transformers
   * by tests of its own.
   */
  @Test
  void windowsAreThoseOfOurEngine() throws IOException {
    String plain = write("tiny-phi3", "fp32,no-bundle,prefill=64,8,context=1024");
    long[] ids = LongStream.range(0, 700).map(i -> (i * i * 7 + 3 * i) % 2000).toArray();
    ObjectNode commands = Json.MAPPER.createObjectNode();
    ArrayNode text = commands.putArray("logits").addArray().add(plain);
    ArrayNode tokens = text.addArray();
    LongStream.of(ids).forEach(tokens::add);
    text.add(1);
    float[] expected = OnnxLogits.ofEngine(Path.of(folder(plain)), ids);
    assertThat(Logits.of(run(commands).at("/logits/0"))).containsExactly(expected, within(1e-4f));
  }

  /** The tokens that our engine finds the likeliest, from the folder that was written. */
  @Test
  void tokensAreThoseOfOurEngine() throws IOException {
    for (String model : List.of("tiny-phi3", "phi2", "phi4-mini", "phi4")) {
      JsonNode ids = LOGITS.get(model).get("short").get("ids");
      String file = write(model, "fp32,context=256");
      String plain = write(model, "fp32,no-bundle,context=256");
      ObjectNode commands = Json.MAPPER.createObjectNode();
      commands.putArray("greedy").addArray().add(plain).add(ids).add(GENERATED);
      JsonNode tokens = run(commands).at("/greedy/0");
      OpenvinoGenaiTest.isGreedy(folder(file), ids, tokens);
    }
  }

  /**
   * Activations are rounded as the runtime does it, to the bit until one falls on the border
   * between two codes: of the products of one vector, one of 256 numbers that moves a step is
   * 0.0015.
   */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3, int8",
    "tiny-phi3, int4",
    "tiny-phi3, 'int4,block-size=-1'",
    "tiny-phi3, 'int8,head=int4'",
    "tiny-phi3, 'w8a8,calibration-chunks=8,calibration-context=64'",
    "tiny-phi3, 'w8a8,head=fp16,calibration-chunks=8,calibration-context=64'",
    "phi4-mini, 'w8a8,calibration-chunks=8,calibration-context=64'"
  })
  void codesAreComputedWith(String model, String precision) throws IOException {
    ArrayNode ids = (ArrayNode) LOGITS.get(model).get("short").get("ids");
    String plain = write(model, precision + ",no-bundle,prefill=8,context=256");
    ObjectNode commands = Json.MAPPER.createObjectNode();
    commands.putArray("logits").addArray().add(plain).add(ids).add(1);
    JsonNode found = run(commands).at("/logits/0");
    float[] expected =
        OnnxLogits.ofEngine(
            Path.of(folder(plain)), ids.valueStream().mapToLong(JsonNode::longValue).toArray());
    assertThat(Logits.distance(Logits.of(found), expected)).isLessThan(0.01);
  }

  /** With int8 until what the runtime rounds makes a difference. */
  @ParameterizedTest
  @CsvSource({"tiny-phi3,fp32,24", "tiny-phi3,fp16,24", "tiny-phi3,int8,5", "phi4-mini,fp32,20"})
  void bundlesOpenAndWriteOurText(String model, String precision, int count) throws IOException {
    String file = write(model, precision + ",context=256");
    ObjectNode commands = Json.MAPPER.createObjectNode();
    commands.putArray("text").addArray().add(file).add(PROMPT).add(count);
    String found = run(commands).at("/text/0").asString();
    List<String> words =
        List.of("run", folder(file), "-p", PROMPT, "-n", "" + count, "--temp", "0", "--json");
    String ours = Json.STRICT.readTree(Phial.call(words).succeeded().out()).at("/text").asString();
    assertThat(found.strip()).isNotEmpty().isEqualTo(ours.strip());
  }

  /** The answer to a question is ours, and another one is taken after it. */
  @ParameterizedTest
  @ValueSource(strings = {"tiny-phi3", "phi4", "phi4-mini", "phi3-mini-4k"})
  void bundlesChat(String model) throws IOException {
    int count = 12;
    String file = write(model, "fp32,context=256");
    ObjectNode commands = Json.MAPPER.createObjectNode();
    ArrayNode chat = commands.putArray("chat").addArray().add(file);
    chat.addArray().add("Who goes there?").add("And then?");
    chat.add(count);
    JsonNode found = run(commands).at("/chat/0");
    List<String> words =
        List.of(
            "run",
            folder(file),
            "--chat",
            "-p",
            "Who goes there?",
            "-n",
            "" + count,
            "--temp",
            "0",
            "--json");
    String ours = Json.STRICT.readTree(Phial.call(words).succeeded().out()).at("/text").asString();
    assertThat(found).hasSize(2);
    assertThat(found.get(0).asString().strip()).isEqualTo(ours.strip());
  }

  private static String folder(String file) {
    return Path.of(file).resolveSibling(".").normalize().toString();
  }

  /** Writes a folder; the file of the model in it. */
  private String write(String model, String spelling) {
    Path output = folder.resolve(model + Integer.toHexString(spelling.hashCode()));
    Phial.call(
            List.of(
                "quantize",
                Phial.model(model),
                "--to",
                "litert:" + spelling,
                "-o",
                output.toString()))
        .succeeded();
    boolean isBundle = !spelling.contains("no-bundle");
    return output.resolve(isBundle ? "model.litertlm" : "model.tflite").toString();
  }

  private JsonNode run(ObjectNode commands) throws IOException {
    Path file = folder.resolve("commands");
    Files.writeString(file, commands.toString());
    return Json.STRICT.readTree(
        Python.runLitert(folder, "run_litert.py", List.of(file.toString())));
  }
}
