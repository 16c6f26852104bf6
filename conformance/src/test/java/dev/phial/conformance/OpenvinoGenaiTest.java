package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * OpenVINO computes from our folders what transformers computes from the checkpoints, and OpenVINO
 * GenAI generates from them what our engine finds the likeliest. {@code tools/make-onnx-golden.py}
 * makes the logits, {@code tools/make-openvino-golden.py} the rest.
 */
final class OpenvinoGenaiTest {
  private static final JsonNode LOGITS = Json.MAPPER.readTree(Phial.resource("onnx-logits.json"));
  private static final JsonNode GOLDEN =
      Json.MAPPER.readTree(Phial.resource("openvino-golden.json"));

  /** The golden file has the logits of one token in so many. */
  private static final int STEP = 47;

  private static final int GENERATED = 24;

  private static final String PROMPT =
      "What light through yonder window breaks? It is the east, and  Juliet's 12 suns\n";

  @TempDir Path folder;

  static Stream<String> models() {
    return GOLDEN.propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void openvinoRunsWhatPhialWrote(String model) throws IOException {
    List<String> precisions = new ArrayList<>();
    GOLDEN.get(model).properties().stream()
        .filter(entry -> entry.getValue().has("prompt"))
        .forEach(entry -> precisions.add(entry.getKey()));
    List<String> arguments = new ArrayList<>(List.of("quantize", Phial.model(model), "-o", "."));
    precisions.forEach(precision -> arguments.addAll(List.of("--to", "openvino:" + precision)));
    Phial.run(folder, arguments).succeeded();
    ObjectNode commands = Json.MAPPER.createObjectNode();
    ArrayNode logits = commands.putArray("logits");
    List<JsonNode> expected = new ArrayList<>();
    for (String text : List.of("short", "long")) { // on both sides of LongRoPE's boundary
      JsonNode golden = LOGITS.get(model).get(text);
      if (golden != null) {
        logits
            .addArray()
            .add(output(model, "fp32"))
            .add(golden.get("ids"))
            .add(STEP)
            .add(text.equals("short") ? 3 : 1);
        expected.add(golden.get("logits"));
      }
    }
    ArrayNode generate = commands.putArray("generate");
    for (String precision : precisions) {
      generate.addArray().add(output(model, precision)).add(PROMPT).add(GENERATED);
    }
    Path file = folder.resolve("commands");
    Files.writeString(file, commands.toString());
    JsonNode results =
        Json.STRICT.readTree(Python.run(folder, "run_openvino.py", List.of(file.toString())));
    for (int i = 0; i < expected.size(); i++) {
      for (int k = 0; k < expected.get(i).size(); k++) {
        assertThat(results.get("logits").get(i).get(k).floatValue())
            .as("text %d, token %d", i, k * STEP)
            .isCloseTo(expected.get(i).get(k).floatValue(), within(1e-4f));
      }
    }
    for (int i = 0; i < precisions.size(); i++) {
      JsonNode golden = GOLDEN.get(model).get(precisions.get(i));
      JsonNode found = results.get("generate").get(i);
      assertThat(found.get("prompt")).as(precisions.get(i)).isEqualTo(golden.get("prompt"));
      isGreedy(output(model, precisions.get(i)), golden.get("prompt"), found.get("tokens"));
      assertThat(found.get("text").asString()).isNotEmpty();
    }
  }

  /**
   * Every token is the one that our own engine finds the likeliest, or as likely as rounding
   * allows: in which order a processor adds decides between two that are nearly alike.
   */
  static void isGreedy(String output, JsonNode prompt, JsonNode tokens) {
    assertThat(tokens).as(output).hasSize(GENERATED);
    try (Checkpoint checkpoint = Sources.open(Path.of(output));
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F32)) {
        float[] logits = session.next(prompt.valueStream().mapToInt(JsonNode::intValue).toArray());
        for (int i = 0; i < GENERATED; i++) {
          int token = tokens.get(i).intValue();
          float likeliest = logits[0];
          for (float logit : logits) {
            likeliest = Math.max(likeliest, logit);
          }
          assertThat(logits[token])
              .as("%s, token %d", output, i)
              .isCloseTo(likeliest, within(2e-3f));
          logits = session.next(token);
        }
      }
    }
  }

  /** What OpenVINO GenAI makes of {@link #PROMPT}. */
  static JsonNode generate(Path folder, String output) throws IOException {
    ObjectNode commands = Json.MAPPER.createObjectNode();
    commands.putArray("generate").addArray().add(output).add(PROMPT).add(GENERATED);
    Path file = folder.resolve("commands");
    Files.writeString(file, commands.toString());
    return Json.STRICT
        .readTree(Python.run(folder, "run_openvino.py", List.of(file.toString())))
        .at("/generate/0");
  }

  /** Codes that come from GGUF are computed with as those that were never anything else. */
  @ParameterizedTest
  @ValueSource(strings = {"Q4_0", "Q8_0"})
  void carriedCodesRun(String type) throws IOException {
    String model = "tiny-phi3";
    String numbers = folder.resolve("numbers").toString();
    String source = folder.resolve("source.gguf").toString();
    String carried = folder.resolve("carried").toString();
    Phial.call(
            List.of("quantize", Phial.model(model), "--to", "gguf:" + type + ",pure", "-o", source))
        .succeeded();
    for (List<String> to :
        List.of(
            List.of("openvino:fp32", "-o", numbers),
            List.of("openvino", "--carry", "-o", carried))) {
      List<String> arguments =
          new ArrayList<>(List.of("quantize", source, "--original", Phial.model(model), "--to"));
      arguments.addAll(to);
      Phial.call(arguments).succeeded();
    }
    ObjectNode commands = Json.MAPPER.createObjectNode();
    ArrayNode logits = commands.putArray("logits");
    for (String output : List.of(numbers, carried)) {
      logits.addArray().add(output).add(LOGITS.get(model).get("short").get("ids")).add(STEP).add(1);
    }
    commands.putArray("generate").addArray().add(carried).add(PROMPT).add(16);
    Path file = folder.resolve("commands");
    Files.writeString(file, commands.toString());
    JsonNode results =
        Json.STRICT.readTree(Python.run(folder, "run_openvino.py", List.of(file.toString())));
    JsonNode expected = results.get("logits").get(0);
    for (int i = 0; i < expected.size(); i++) {
      assertThat(results.get("logits").get(1).get(i).floatValue())
          .isCloseTo(expected.get(i).floatValue(), within(2e-2f)); // it rounds numbers to half
    }
    assertThat(results.get("generate").get(0).get("tokens").size()).isEqualTo(16);
  }

  /** The numbers that Phial reads from a folder of codes are those that OpenVINO computes with. */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,int4",
    "tiny-phi3,nf4",
    "tiny-phi3,mxfp4",
    "phi2,int8",
    "phi35-moe,int4",
    "phi4-mini,int4"
  })
  void phialReadsWhatOpenvinoRuns(String model, String precision) throws IOException {
    Phial.run(folder, List.of("quantize", Phial.model(model), "--to", "openvino:" + precision))
        .succeeded();
    String written = output(model, precision);
    String again = folder.resolve("again").toString();
    Phial.run(folder, List.of("quantize", written, "--to", "openvino:fp32", "-o", again))
        .succeeded();
    ObjectNode commands = Json.MAPPER.createObjectNode();
    ArrayNode logits = commands.putArray("logits");
    for (String output : List.of(written, again)) {
      logits.addArray().add(output).add(LOGITS.get(model).get("short").get("ids")).add(1).add(1);
    }
    Path file = folder.resolve("commands");
    Files.writeString(file, commands.toString());
    JsonNode results =
        Json.STRICT
            .readTree(Python.run(folder, "run_openvino.py", List.of(file.toString())))
            .get("logits");
    assertThat(results.get(0)).hasSizeGreaterThan(1000);
    for (int i = 0; i < results.get(0).size(); i++) {
      assertThat(results.get(1).get(i).floatValue())
          .as("token %d", i)
          .isCloseTo(results.get(0).get(i).floatValue(), within(1e-4f));
    }
  }

  /**
   * OpenVINO's tokenizer and detokenizer give what transformers gives. To OpenVINO a byte of
   * SentencePiece written out, {@code <0x41>}, is that byte, in optimum-intel's models too.
   */
  @ParameterizedTest
  @MethodSource("tokenizers")
  void tokenizersDoWhatTransformersDoes(String model, JsonNode cases) throws IOException {
    Phial.run(folder, List.of("quantize", Phial.model(model), "--to", "openvino:int8"));
    ObjectNode commands = Json.MAPPER.createObjectNode();
    ArrayNode texts =
        commands.putArray("tokenize").addArray().add(output(model, "int8")).addArray();
    List<JsonNode> expected = new ArrayList<>();
    for (JsonNode golden : cases) {
      String text = golden.get(0).asString();
      if (!text.contains("<0x")) {
        texts.addArray().add(text).add(golden.get(1));
        expected.add(golden);
      }
    }
    Path file = folder.resolve("commands");
    Files.writeString(file, commands.toString());
    JsonNode found =
        Json.STRICT
            .readTree(Python.run(folder, "run_openvino.py", List.of(file.toString())))
            .get("tokenize")
            .get(0);
    SoftAssertions all = new SoftAssertions();
    for (int i = 0; i < expected.size(); i++) {
      JsonNode golden = expected.get(i);
      String text = golden.get(0).asString();
      all.assertThat(found.get(i).get(0)).as(text).isEqualTo(golden.get(1));
      all.assertThat(found.get(i).get(1)).as("back: " + text).isEqualTo(golden.get(3));
    }
    all.assertAll();
    assertThat(expected).hasSizeGreaterThan(50);
  }

  static Stream<Arguments> tokenizers() throws IOException {
    JsonNode golden =
        Json.MAPPER.readTree(
            Files.readString(
                Phial.ROOT.resolve(
                    "engine/src/test/resources/dev/phial/engine/tokenizer/tokenizer-golden.json")));
    return golden.properties().stream()
        .flatMap(entry ->
            Stream.of(entry.getKey().split(" ", -1))
                .filter(model -> GOLDEN.has(model))
                .map(model -> Arguments.of(model, entry.getValue())));
  }

  private String output(String model, String precision) {
    return folder.resolve("%s-openvino-%s".formatted(model, precision)).toString();
  }
}
