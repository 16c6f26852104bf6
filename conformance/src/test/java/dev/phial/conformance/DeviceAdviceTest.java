package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.engine.advise.Advisor;
import dev.phial.engine.advise.Device;
import dev.phial.engine.advise.DeviceTable;
import dev.phial.engine.advise.MeasuredLosses;
import dev.phial.engine.advise.PossibleFiles;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.Targets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/**
 * {@code --device} recommends what arithmetic by hand does. Beside the weights, whose sizes are
 * those of the published GGUF files, Phi-4-mini takes 0.54 GB of cache for 4096 tokens and 0.56 GB
 * in llama.cpp (410 MB of them logits of 512 tokens), Phi-4 0.84 and 0.36 GB.
 */
final class DeviceAdviceTest {
  /** Weights of Phi-4-mini: Q8_0 4.07 GB, Q6_K 3.14, Q5_K_M 2.80, Q4_K_M 2.48, Q3_K_M 2.11. */
  private static final String PHI_4_MINI =
      """
      android-6gb gguf:Q3_K_M (3.54 GB: Q4_K_M takes 3.58)
      galaxy-s24 gguf:Q6_K (4.72 GB: Q8_0 takes 5.17)
      galaxy-s25 gguf:Q8_0
      iphone-15-pro gguf:Q8_0 (51.2 / (4.07 + 0.54) = 11 tokens/s)
      iphone-16 gguf:Q8_0
      ipad-pro-m4 gguf:Q8_0
      pi4-4gb gguf:Q4_K_M (3.65 GB; 12.8 / 3.0 = 4 tokens/s)
      pi4-8gb gguf:Q4_K_M
      pi5-4gb gguf:Q4_K_M
      pi5-8gb gguf:Q4_K_M
      pi5-16gb gguf:Q4_K_M (Q8_0 fits: 17.1 / 4.6 = 4 tokens/s)
      orin-nano gguf:Q8_0
      orin-nano-super gguf:Q8_0
      orin-nx-16gb gguf:Q8_0
      snapdragon-x-16gb gguf:Q8_0
      snapdragon-x-32gb gguf:Q8_0
      core-ultra-155h openvino:int8
      core-ultra-258v openvino:int8
      ryzen-ai-370 gguf:Q8_0
      ryzen-ai-max-395 gguf:Q8_0
      mac-m2-8gb gguf:Q8_0
      mac-m3-16gb gguf:Q8_0
      mac-m4-16gb gguf:Q8_0
      mac-m4-pro-24gb gguf:Q8_0
      mac-m4-max-64gb gguf:Q8_0
      rtx-3060-laptop gguf:Q8_0
      rtx-4060-laptop gguf:Q8_0
      rtx-4070-laptop gguf:Q8_0
      rtx-4060 gguf:Q8_0
      rtx-4090 gguf:Q8_0
      rtx-5070 gguf:Q8_0
      rtx-5070-ti gguf:Q8_0
      rtx-5080 gguf:Q8_0
      rtx-5090 gguf:Q8_0
      """;

  /** Weights of Phi-4: Q8_0 15.6 GB, Q6_K 12.0, Q5_K_M 10.5, Q4_K_M 9.1, Q3_K_M 7.4, Q2_K 5.9. */
  private static final String PHI_4 =
      """
      android-6gb none
      galaxy-s24 none
      galaxy-s25 none (7.09 GB: Q2_K takes 7.11)
      iphone-15-pro none
      iphone-16 none
      ipad-pro-m4 none
      pi4-4gb none
      pi4-8gb gguf:Q2_K
      pi5-4gb none
      pi5-8gb gguf:Q2_K (7.30 GB)
      pi5-16gb gguf:Q4_K_M (Q6_K fits: 17.1 / 12 = 1 token/s)
      orin-nano none
      orin-nano-super none
      orin-nx-16gb gguf:Q4_K_M (Q5_K_M fits: 102.4 / 11.0 = 9; 102.4 / 9.6 = 11)
      snapdragon-x-16gb gguf:Q4_K_M
      snapdragon-x-32gb gguf:Q6_K (Q8_0: 136 / 15.9 = 8.6; 136 / 12.5 = 11)
      core-ultra-155h openvino:int4
      core-ultra-258v openvino:int4 (int8: 136.5 / 15.0 = 9)
      ryzen-ai-370 gguf:Q5_K_M (Q6_K: 120 / 12.5 = 9.6; 120 / 11.0 = 11)
      ryzen-ai-max-395 gguf:Q8_0
      mac-m2-8gb none
      mac-m3-16gb gguf:Q4_K_M (11.34 GB: Q5_K_M takes 11.69)
      mac-m4-16gb gguf:Q4_K_M
      mac-m4-pro-24gb gguf:Q8_0 (17.01 GB: Q8_0 takes 16.77)
      mac-m4-max-64gb gguf:Q8_0
      rtx-3060-laptop none
      rtx-4060-laptop gguf:Q2_K
      rtx-4070-laptop gguf:Q2_K
      rtx-4060 gguf:Q2_K (7.73 GB: Q3_K_M takes 8.56)
      rtx-4090 gguf:Q8_0
      rtx-5070 gguf:Q4_K_M (11.60 GB: Q5_K_M takes 11.69)
      rtx-5070-ti gguf:Q6_K
      rtx-5080 gguf:Q6_K
      rtx-5090 gguf:Q8_0
      """;

  @TempDir Path folder;

  @Test
  void phi4MiniOnEveryDevice() {
    assertThat(recommended(SparseCheckpoint.phi4Mini(folder))).isEqualTo(expected(PHI_4_MINI));
  }

  @Test
  void phi4OnEveryDevice() {
    assertThat(recommended(SparseCheckpoint.phi4(folder))).isEqualTo(expected(PHI_4));
  }

  private static Map<String, String> expected(String table) {
    Map<String, String> expected = new TreeMap<>();
    table.lines().map(line -> line.split(" ")).forEach(words -> expected.put(words[0], words[1]));
    return expected;
  }

  private static Map<String, String> recommended(Path model) {
    Map<String, String> recommended = new TreeMap<>();
    try (Checkpoint checkpoint = Sources.open(model)) {
      PossibleFiles files = new PossibleFiles(checkpoint, Families.describe(checkpoint));
      for (Device device : DeviceTable.read().devices()) {
        Advisor advisor = new Advisor(device, 4096, MeasuredLosses.NONE);
        recommended.put(
            device.name(),
            advisor
                .recommend(advisor.candidates(files))
                .map(found -> found.candidate().order())
                .orElse("none"));
      }
    }
    return recommended;
  }

  /** Phi-4-mini reads its embedding for the output, Phi-4 a row of it. */
  @Test
  void aTokenReadsWeightsAndCache() {
    assertThat(speed(SparseCheckpoint.phi4Mini(folder)))
        .isEqualTo(17.1 / (2.48 + 0.54), within(0.1));
    assertThat(speed(SparseCheckpoint.phi4(folder)))
        .isEqualTo(17.1 / (9.05 - 0.29 + 0.84), within(0.05));
  }

  private static double speed(Path model) {
    try (Checkpoint checkpoint = Sources.open(model)) {
      Device device = DeviceTable.read().device("pi5-16gb").orElseThrow();
      return new Advisor(device, 4096, MeasuredLosses.NONE)
          .candidates(new PossibleFiles(checkpoint, Families.describe(checkpoint))).stream()
              .filter(candidate -> candidate.order().equals("gguf:Q4_K_M"))
              .findFirst()
              .orElseThrow()
              .speed()
              .orElseThrow();
    }
  }

  /** Of four experts a token uses two. */
  @Test
  void aTokenReadsTheExpertsThatItUses() {
    try (Checkpoint checkpoint = Sources.open(Path.of(Phial.model("phi35-moe")))) {
      Plan plan =
          Targets.named("gguf")
              .orElseThrow()
              .plan(
                  new Request(
                      checkpoint, Families.describe(checkpoint), Optional.of("F16"), Options.NONE))
              .plan();
      long experts = 0;
      long embedding = 0;
      for (PlannedTensor tensor : plan.tensors()) {
        experts += tensor.name().contains("_exps") ? tensor.bytes() : 0;
        embedding += tensor.name().equals("token_embd.weight") ? tensor.bytes() : 0;
      }
      int hidden = plan.hyperparameters().hidden();
      assertThat(plan.bytesPerToken())
          .isEqualTo(plan.tensorBytes() - experts / 2 - embedding + 2L * hidden);
    }
  }

  @Test
  void everyFigureHasASourceWithADate() {
    for (Device device : DeviceTable.read().devices()) {
      assertThat(
              List.of(
                  device.memory().source(),
                  device.usable().source(),
                  device.bandwidth().orElseThrow().source()))
          .allMatch(source -> source.matches(".{10,}20\\d\\d-\\d\\d-\\d\\d\\)"), device.name());
      assertThat(device.uses())
          .allMatch(use -> use.source().matches(".{10,}20\\d\\d-\\d\\d-\\d\\d\\)"));
    }
  }

  @Test
  void everyFileIsJudgedAndTheCommandMakesTheOneThatIsRecommended() throws IOException {
    JsonNode advice = json(List.of("plan", "demo", "--device", "rtx-4060", "--json"));
    assertThat(advice.path("recommendation").path("command").stringValue())
        .isEqualTo("phial quantize demo --to gguf:Q8_0");
    JsonNode cuda =
        advice
            .path("candidates")
            .valueStream()
            .filter(entry -> entry.path("to").stringValue().equals("onnx:int4,ep=cuda"))
            .findFirst()
            .orElseThrow();
    assertThat(cuda.path("fits").booleanValue()).isTrue();
    JsonNode memory = cuda.path("memory_bytes");
    // 2 · 4 layers · 8 heads · 32 dimensions · 1024 tokens · 2 bytes
    assertThat(memory.path("cache").longValue()).isEqualTo(4_194_304);
    assertThat(memory.path("total").longValue())
        .isEqualTo(
            memory.path("weights").longValue()
                + memory.path("cache").longValue()
                + memory.path("runtime").longValue());
    assertThat(cuda.path("predicted_tokens_per_second").doubleValue())
        .isEqualTo(272e9 / cuda.path("bytes_per_token").longValue());
    assertThat(advice.path("candidates").valueStream())
        .allMatch(entry -> entry.path("fits").booleanValue() != entry.has("obstacle"));

    Path out = folder.resolve("demo.gguf");
    Command.Result quantized =
        Phial.call(List.of("quantize", "demo", "--device", "rtx-4060", "-o", out.toString()))
            .succeeded();
    assertThat(quantized.err()).contains("GeForce RTX 4060, 8 GB: gguf:Q8_0 for llama.cpp");
    assertThat(out).exists();
  }

  @Test
  void measuredLossesDecide() throws IOException {
    Path evaluation =
        Files.writeString(
            folder.resolve("evaluation.json"),
            """
            {"reference": {"name": "demo"}, "text": {"name": "a.txt"}, "candidates": [
              {"name": "Q4_K_M", "kld_mean": 0.0048}, {"name": "mlx:4", "kld_mean": 0.001},
              {"name": "onnx:int4", "kld_mean": 0.004}]}
            """);
    Command.Result result =
        Phial.call(
                List.of(
                    "plan", "demo", "--device", "pi5-8gb", "--evaluation", evaluation.toString()))
            .succeeded();
    assertThat(result.out())
        .contains(
            "KL is the mean divergence that was measured: demo on a.txt",
            "Recommended: onnx:int4 for ONNX Runtime GenAI; of what was measured it lost least (KL divergence 0.0040) and fits.",
            "mlx             no: no runtime for such files is known on this device");
  }

  @Test
  void memoryAloneIsADeviceToo() {
    assertThat(Phial.call(List.of("plan", "demo", "--ram", "7MB")).out())
        .startsWith("7.00 MB of memory: 7.00 MB for a model, 1,024 tokens of context\n")
        .contains("No usual precision fits");
    assertThat(Phial.call(List.of("plan", "demo", "--ram", "6GB")).out())
        .contains("Recommended: gguf:Q8_0 for llama.cpp; of the usual precisions that fit");
  }

  @Test
  void aTableOfOnesOwnCorrectsAndExtends() throws IOException {
    Path table =
        Files.writeString(
            folder.resolve("mine.json"),
            """
            {"devices": [
              {"name": "pi5-8gb", "bandwidth_gbs": 9.5},
              {"name": "my-board", "title": "Mine", "kind": "board", "platform": "raspberry-pi",
               "memory_gib": {"value": 2, "source": "measured"}, "usable": 0.5}]}
            """);
    JsonNode devices = json(List.of("devices", "--devices", table.toString(), "--json"));
    JsonNode corrected = named(devices, "pi5-8gb");
    assertThat(corrected.path("bandwidth_gbs").path("value").doubleValue()).isEqualTo(9.5);
    assertThat(corrected.path("bandwidth_gbs").path("source").stringValue())
        .isEqualTo(table.toString());
    assertThat(corrected.path("memory_gib").path("value").doubleValue()).isEqualTo(8);
    JsonNode mine = named(devices, "my-board");
    assertThat(mine.path("room_bytes").longValue()).isEqualTo(1L << 30);
    assertThat(mine.path("memory_gib").path("source").stringValue()).isEqualTo("measured");
  }

  private static JsonNode named(JsonNode devices, String name) {
    return devices
        .path("devices")
        .valueStream()
        .filter(device -> device.path("name").stringValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static JsonNode json(List<String> arguments) {
    return Json.MAPPER.readTree(Phial.call(arguments).succeeded().out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          [] | the table: expected an object, found array
          {"device": []} | the table: expected one of devices, platforms, runtimes, sources, found device
          {"devices": 1} | the table, devices: expected a list, found number
          {"devices": [{}]} | a device: expected a text name, found none
          {"devices": [{"name": "A b"}]} | device A b: expected a name of small letters, digits, dots and dashes, found A b
          {"devices": [{"name": "x", "title": "X", "kind": "x", "platform": "moon"}]} | expected one of any, android
          {"devices": [{"name": "pi5-8gb", "memory_gib": -1}]} | device pi5-8gb, memory_gib: expected a number from 0.1 to 10000, found -1
          {"devices": [{"name": "pi5-8gb", "memory_gib": 1e999}]} | device pi5-8gb, memory_gib: expected a number from 0.1 to 10000, found
          {"devices": [{"name": "pi5-8gb", "usable": {"value": "x"}}]} | device pi5-8gb, usable, value: expected a number from 0.01 to 1, found a text
          {"platforms": {"p": [{"target": "exl2"}]}} | platform p: expected a target that phial quantize knows, found exl2
          {"platforms": {"p": [{"target": "gguf", "unit": "cpu", "options": {"ep": "x"}}]}} | platform p: expected an option of gguf, found ep
          {"devices": [{"name": "a"}, | expected JSON, found an error
          """)
  void aTableThatIsWrongIsOneSentence(String table, String said) throws IOException {
    Path file = Files.writeString(folder.resolve("wrong.json"), table);
    Command.Result result = Phial.call(List.of("devices", "--devices", file.toString()));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).startsWith("phial: " + file + ": ").contains(said).hasLineCount(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --device nokia-3310 | there is no device nokia-3310 in the table
          --ram lots | --ram: expected a number and MB, GB, MiB or GiB, found lots
          --ram 6GB --device pi5-8gb | --device and --ram exclude each other
          --devices x.json | --devices and --evaluation are for --device or --ram
          --ram 6GB --to gguf:Q4_0 | leave out one of them
          --context 1025 | --context: expected 1 to 1024, the context of the model, found 1025
          """)
  void whatMakesNoSenseIsSaid(String options, String said) {
    List<String> arguments = new ArrayList<>(List.of("plan", "demo"));
    arguments.addAll(List.of(options.split(" ")));
    Command.Result result = Phial.call(arguments);
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains(said);
  }
}
