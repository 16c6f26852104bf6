package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code phial.json} says where an output comes from, and {@code compare} holds it to that. */
final class ManifestTest {
  @TempDir Path folder;

  private Path write(String name, String... more) {
    Path output = folder.resolve(name);
    List<String> words =
        new ArrayList<>(List.of("quantize", Phial.model("phi3-mini-4k"), "-o", output.toString()));
    words.addAll(List.of(more));
    Phial.call(words).succeeded();
    return output;
  }

  private static Command.Result check(Path path) {
    return Phial.call(List.of("compare", "--manifest", path.toString(), "--json"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"onnx:int4", "openvino:int8", "mlx:4"})
  void everyFolderHasOneThatDependsOnNothingElse(String to) throws IOException {
    Path first = write("first", "--to", to, "--threads", "1");
    Path second = write("second", "--to", to, "--threads", "2");
    assertThat(second.resolve("phial.json")).hasSameBinaryContentAs(first.resolve("phial.json"));
    JsonNode manifest = Json.MAPPER.readTree(first.resolve("phial.json").toFile());
    assertThat(to)
        .isEqualTo(
            manifest.path("target").stringValue() + ":" + manifest.path("precision").stringValue());
    assertThat(manifest.at("/source/name").stringValue()).isEqualTo("phi3-mini-4k");
    assertThat(manifest.at("/source/kind").stringValue()).isEqualTo("huggingface");
    assertThat(manifest.at("/source/files/model.safetensors").stringValue())
        .isEqualTo(Phial.sha256(Path.of(Phial.model("phi3-mini-4k"), "model.safetensors")));
    try (Stream<Path> files = Files.list(first)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .filteredOn(name -> !name.equals("phial.json"))
          .containsExactlyInAnyOrderElementsOf(manifest.path("files").propertyNames());
    }
    assertThat(manifest.toString()).doesNotContain(folder.toString(), Phial.MODELS.toString());
    check(first).succeeded();
    check(first.resolve("phial.json")).succeeded();
  }

  @Test
  void namesTheAdapter() throws IOException {
    Path adapter =
        Phial.ROOT.resolve("engine/src/test/resources/dev/phial/engine/run/adapters/fused");
    Path output =
        write("adapted", "--to", "mlx:4", "--lora", adapter.toString(), "--lora-scale", "0.5");
    JsonNode named =
        Json.MAPPER.readTree(output.resolve("phial.json").toFile()).at("/source/adapters/0");
    assertThat(named.path("name").stringValue()).isEqualTo("fused");
    assertThat(named.path("scale").doubleValue()).isEqualTo(0.5);
    assertThat(named.at("/files/adapter_model.safetensors").stringValue())
        .isEqualTo(Phial.sha256(adapter.resolve("adapter_model.safetensors")));
  }

  @Test
  void whatWasChangedIsNamed() throws IOException {
    Path output = write("out", "--to", "mlx:4", "--q-group-size", "32");
    assertThat(Json.MAPPER.readTree(output.resolve("phial.json").toFile()).at("/options"))
        .hasToString("{\"q-group-size\":[\"32\"]}");
    Files.writeString(output.resolve("notes.txt"), "mine");
    Files.delete(output.resolve("config.json"));
    Files.writeString(output.resolve("README.md"), "other");
    Command.Result result = check(output);
    assertThat(result.status()).isEqualTo(1);
    JsonNode files = Json.MAPPER.readTree(result.out()).path("files");
    assertThat(files.path("notes.txt").stringValue()).isEqualTo("extra");
    assertThat(files.path("config.json").stringValue()).isEqualTo("missing");
    assertThat(files.path("README.md").stringValue()).isEqualTo("changed");
    assertThat(files.path("model.safetensors").stringValue()).isEqualTo("same");
  }

  @Test
  void aFileHasOneBesideItIfAskedFor() throws IOException {
    Path output = write("model.gguf", "--to", "gguf:Q4_0", "--manifest");
    check(output).succeeded();
    check(folder.resolve("model.gguf.phial.json")).succeeded();
    Path split = write("parts.gguf", "--to", "gguf:Q4_0", "--manifest", "--split-max-tensors", "8");
    check(split).succeeded();
    write("plain.gguf", "--to", "gguf:Q4_0");
    assertThat(folder.resolve("plain.gguf.phial.json")).doesNotExist();
    assertThat(check(folder.resolve("plain.gguf")).err()).contains("expected the manifest");
    Files.writeString(output, "other");
    assertThat(check(output).status()).isEqualTo(1);
  }

  /** A folder that is made of one with a manifest has its own. */
  @Test
  void itIsNotHandedOn() throws IOException {
    Path first = write("first", "--to", "mlx:8", "--q-group-size", "32");
    Path second = folder.resolve("second");
    Phial.call(List.of("quantize", first.toString(), "--to", "mlx:4", "-o", second.toString()))
        .succeeded();
    JsonNode manifest = Json.MAPPER.readTree(second.resolve("phial.json").toFile());
    assertThat(manifest.at("/source/kind").stringValue()).isEqualTo("mlx");
    assertThat(manifest.path("files").propertyNames()).doesNotContain("phial.json");
    check(second).succeeded();
  }

  @ValueSource(
      strings = {
        "",
        "[]",
        "{}",
        "{\"files\": 3}",
        "{\"files\": {}}",
        "{\"files\": {\"../a\": \"0\"}}",
        "{\"files\": {\"a\": \"0\"}}",
        "{\"files\": {\"a\": {}}}"
      })
  @ParameterizedTest
  void whatIsNoneIsRefused(String text) throws IOException {
    Files.writeString(folder.resolve("phial.json"), text);
    Command.Result result = check(folder);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("phial.json").hasLineCount(1);
  }

  @Test
  void compareNeedsTwoModelsOrAManifest() {
    assertThat(Phial.call(List.of("compare", "demo")).status()).isEqualTo(2);
    assertThat(Phial.call(List.of("compare")).status()).isEqualTo(2);
    assertThat(Phial.call(List.of("compare", "demo", "demo", "--manifest", "x")).status())
        .isEqualTo(2);
  }
}
