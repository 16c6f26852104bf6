package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.hub.HubServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Models by their names on the hub, as a user asks for them. */
final class HubModelsTest {
  private static final String MODEL = "phi3-medium-128k-tf5"; // in shards
  private static final String ID = "microsoft/" + MODEL;

  private final HubServer server = new HubServer().offer(ID, Phial.MODELS.resolve(MODEL));

  @TempDir private Path folder;

  @AfterEach
  void stop() {
    server.close();
  }

  private Command.Result phial(String... arguments) {
    return Command.run(folder, Phial.words(List.of(arguments)), environment());
  }

  private Map<String, String> environment() {
    return Map.of(
        "HF_ENDPOINT",
        server.endpoint().toString(),
        "HF_HOME",
        folder.resolve("hf").toString(),
        "XDG_CACHE_HOME",
        folder.resolve("cache").toString(),
        "HF_TOKEN",
        "hf_secret");
  }

  @Test
  void pullsAndConvertsByName() throws IOException {
    Path snapshot = Path.of(phial("pull", ID).succeeded().out().strip());
    assertThat(snapshot.resolve("config.json"))
        .hasSameBinaryContentAs(Phial.MODELS.resolve(MODEL).resolve("config.json"));
    server.asked.clear();
    phial("quantize", ID, "--to", "gguf:Q4_K_M").succeeded();
    assertThat(server.asked).hasSize(1); // whether the model is still the same
    phial("quantize", Phial.model(MODEL), "--to", "gguf:Q4_K_M", "-o", "local.gguf").succeeded();
    assertThat(folder.resolve(MODEL + "-gguf-Q4_K_M.gguf"))
        .hasSameBinaryContentAs(folder.resolve("local.gguf"));
  }

  @Test
  void pullsIntoAFolder() {
    Path config = Phial.MODELS.resolve(MODEL).resolve("config.json");
    for (String option : List.of("-o", "--local-dir")) {
      assertThat(phial("pull", ID, option, "mine").succeeded().out().strip()).isEqualTo("mine");
      assertThat(folder.resolve("mine/config.json")).hasSameBinaryContentAs(config);
    }
    assertThat(folder.resolve("hf")).doesNotExist();
    server.offer(ID, Map.of("config.json", new byte[] {'{', '}'}));
    Command.Result refused = phial("pull", ID, "-o", "mine");
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.err()).contains("mine/config.json", "--force");
    assertThat(folder.resolve("mine/config.json")).hasSameBinaryContentAs(config);
    phial("pull", ID, "-o", "mine", "--force").succeeded();
    assertThat(folder.resolve("mine/config.json")).hasContent("{}");
  }

  /** A limit on the size of files stands for the disk that fills up meanwhile. */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void goesOnWhenADiskHasFilledUp() {
    List<String> words = new ArrayList<>(List.of("sh", "-c", "ulimit -f 400 && exec \"$@\"", "sh"));
    words.addAll(Phial.words(List.of("pull", ID)));
    Command.Result full = Command.run(folder, words, environment());
    assertThat(full.status()).isEqualTo(1);
    assertThat(full.err())
        .contains("safetensors cannot be kept: File too large; make room")
        .doesNotContain("Exception");
    server.asked.clear();
    Path snapshot = Path.of(phial("pull", ID).succeeded().out().strip());
    assertThat(snapshot.resolve("config.json")).isRegularFile();
    assertThat(server.asked.stream().flatMap(asked -> asked.range().stream()))
        .anyMatch(range -> range.matches("bytes=\\d+-"));
  }

  @Test
  void convertsWhileItArrives() throws IOException {
    List<String> targets =
        List.of("gguf:Q4_0", "onnx:int4", "openvino:int4", "mlx:4", "litert:int8", "torch:w4a16");
    List<String> arguments = new ArrayList<>();
    targets.forEach(target -> arguments.addAll(List.of("--to", target)));
    List<String> streamed = new ArrayList<>(List.of("quantize", ID, "--stream", "-o", "streamed"));
    streamed.addAll(arguments);
    List<String> local = new ArrayList<>(List.of("quantize", Phial.model(MODEL), "-o", "local"));
    local.addAll(arguments);
    phial(streamed.toArray(new String[0])).succeeded();
    phial(local.toArray(new String[0])).succeeded();
    try (Stream<Path> files = Files.walk(folder.resolve("local"))) {
      List<Path> all = files.filter(Files::isRegularFile).toList();
      assertThat(all).hasSizeGreaterThan(10);
      for (Path file : all) {
        Path other = folder.resolve("streamed").resolve(folder.resolve("local").relativize(file));
        assertThat(other).hasSameBinaryContentAs(file);
      }
    }
    assertThat(folder.resolve("hf")).doesNotExist();
    try (Stream<Path> left = Files.list(folder.resolve("cache/phial/streams"))) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void plansWithoutWeights() {
    Command.Result plan = phial("plan", ID, "--to", "gguf:Q4_K_M").succeeded();
    assertThat(plan.out())
        .isEqualTo(phial("plan", Phial.model(MODEL), "--to", "gguf:Q4_K_M").succeeded().out());
    assertThat(phial("inspect", ID, "--json").succeeded().out()).contains("phi3");
    assertThat(server.asked.stream().filter(asked -> asked.path().endsWith(".safetensors")))
        .isNotEmpty()
        .allMatch(asked -> asked.server().equals("hub") || asked.range().isPresent());
  }

  @Test
  void refusesToRunWhatIsNotHere() {
    Command.Result result =
        phial("quantize", ID, "--stream", "--to", "gguf:Q4_0", "--method", "gptq");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("pull it first").doesNotContain("hf_secret");
  }

  @Test
  void saysWhatIsWrongInASentence() {
    Command.Result result = phial("quantize", "microsoft/phi-5", "--to", "gguf:Q4_0");
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains("there is no model microsoft/phi-5 at " + server.endpoint())
        .doesNotContain("hf_secret")
        .doesNotContain("Exception");
  }

  /** The hub's own library finds what Phial pulled, and the other way round. */
  @Test
  void sharesTheCacheWithTheHubsOwnLibrary() {
    Path ours = Path.of(phial("pull", ID).succeeded().out().strip());
    String said =
        Python.run(
            folder,
            "hub_cache.py",
            List.of(server.endpoint().toString(), folder.resolve("hf").toString(), ID, "offline"));
    assertThat(said.strip()).endsWith(ours.toString());
    String theirs =
        Python.run(
            folder,
            "hub_cache.py",
            List.of(
                server.endpoint().toString(), folder.resolve("theirs").toString(), ID, "online"));
    server.asked.clear();
    Command.Result found =
        Command.run(
            folder,
            Phial.words(List.of("pull", ID)),
            Map.of(
                "HF_ENDPOINT",
                server.endpoint().toString(),
                "HF_HOME",
                folder.resolve("theirs").toString()));
    assertThat(found.succeeded().out().strip()).isEqualTo(theirs.strip());
    assertThat(server.asked).hasSize(1);
    assertThat(Optional.of(found.err())).get().asString().doesNotContain("pulled");
  }
}
