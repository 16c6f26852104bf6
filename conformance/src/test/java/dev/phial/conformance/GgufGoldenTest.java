package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Every file equals, byte for byte, the one that llama.cpp's converter and llama-quantize wrote
 * from the same checkpoint. The golden file holds their hashes; {@code tools/make-gguf-golden.py}
 * makes it.
 */
final class GgufGoldenTest {
  private static final String REFUSED = "refused";
  private static final String IMATRIX = "+imatrix";
  private static final String MMPROJ = "mmproj ";
  private static final JsonNode GOLDEN =
      new JsonMapper().readTree(Phial.resource("gguf-golden.json"));

  @TempDir Path folder;

  static Stream<String> models() {
    return GOLDEN.propertyNames().stream();
  }

  /** All outputs of one kind in one run, which is how the pass is meant to be used. */
  @ParameterizedTest
  @MethodSource("models")
  void filesAreThoseOfLlamaCpp(String model) {
    checkAll(model, false);
  }

  @ParameterizedTest
  @MethodSource("models")
  void filesWithAnImportanceMatrixAreThoseOfLlamaCpp(String model) {
    checkAll(model, true);
  }

  private void checkAll(String model, boolean imatrix) {
    Map<String, String> expected = new TreeMap<>();
    List<String> outputs = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : GOLDEN.get(model).properties()) {
      String key = entry.getKey();
      if (key.endsWith(IMATRIX) == imatrix
          && !key.contains(" --")
          && !key.startsWith(MMPROJ)
          && !entry.getValue().asString().equals(REFUSED)) {
        outputs.addAll(List.of("--to", to(key)));
        expected.put(fileName(model, key), entry.getValue().asString());
      }
    }
    if (outputs.isEmpty()) {
      return; // a model without an importance matrix
    }
    if (imatrix) {
      Phial.layImatrix(model);
    }
    Phial.call(quantize(model, outputs)).succeeded();
    assertThat(hashes()).isEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("models")
  void refusesWhatNeedsAnImportanceMatrix(String model) {
    for (Map.Entry<String, JsonNode> entry : GOLDEN.get(model).properties()) {
      if (entry.getValue().asString().equals(REFUSED)) {
        Command.Result result = Phial.call(quantize(model, List.of("--to", to(entry.getKey()))));
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("needs an importance matrix");
        assertThat(folder).isEmptyDirectory();
      }
    }
  }

  static Stream<Arguments> options() {
    return models()
        .flatMap(model ->
            GOLDEN.get(model).propertyNames().stream()
                .filter(key -> key.contains(" --"))
                .map(key -> Arguments.of(model, key)));
  }

  @ParameterizedTest
  @MethodSource("options")
  void optionsDoWhatThoseOfLlamaQuantizeDo(String model, String key) {
    int end = key.indexOf(" --");
    List<String> arguments = new ArrayList<>(List.of("--to", to(key.substring(0, end))));
    arguments.addAll(List.of(key.substring(end + 1).split(" ")));
    Phial.call(quantize(model, arguments)).succeeded();
    assertThat(hashes().values()).containsExactly(GOLDEN.get(model).get(key).asString());
  }

  /** And so is the file of the encoder, which the converter writes with {@code --mmproj}. */
  @Test
  void encodersAreThoseOfLlamaCpp() {
    String model = "phi4-reasoning-vision";
    for (Map.Entry<String, JsonNode> entry : GOLDEN.get(model).properties()) {
      if (entry.getKey().startsWith(MMPROJ)) {
        String type = entry.getKey().substring(MMPROJ.length());
        Phial.call(quantize(model, List.of("--to", "gguf:Q4_K_M", "--mmproj", type, "--force")))
            .succeeded();
        assertThat(hashes())
            .containsEntry(
                "%s-gguf-Q4_K_M-mmproj-%s.gguf".formatted(model, type),
                entry.getValue().asString());
      }
    }
  }

  /** llama.cpp takes heads of hidden / heads, whatever the file says. */
  @Test
  void refusesWhatLlamaCppCannotLoad() {
    Command.Result result = Phial.call(quantize("phi-tiny-moe", List.of("--to", "gguf:Q4_K_M")));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains("llama.cpp takes heads of hidden / heads (64) dimensions", "--allow-unloadable");
    assertThat(folder).isEmptyDirectory();
  }

  /**
   * The same weights in PyTorch pickles, and under the configuration of transformers 5; the
   * folder's name aside.
   */
  @ParameterizedTest
  @CsvSource({"phi3-mini-4k-torch,phi3-mini-4k", "phi3-medium-128k-tf5,phi3-medium-128k"})
  void containersDoNotMatter(String model, String same) throws Exception {
    Path copy = Files.createDirectory(folder.resolve("models")).resolve(same);
    Files.createDirectory(copy);
    try (Stream<Path> files = Files.list(Phial.MODELS.resolve(model))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    Path output = Files.createDirectory(folder.resolve("out"));
    for (String key : List.of("Q4_K_M", "convert bf16")) {
      Path file = output.resolve("out.gguf");
      Phial.run(
              folder,
              List.of(
                  "quantize", copy.toString(), "--to", to(key), "-o", file.toString(), "--force"))
          .succeeded();
      assertThat(Phial.sha256(file)).as(key).isEqualTo(GOLDEN.get(same).get(key).asString());
    }
  }

  /**
   * Both layouts of an importance matrix give the same tensors; the older one does not tell its
   * text the same way.
   */
  @Test
  void legacyImportanceMatrixGivesTheSameTensors() {
    Path imatrix = Phial.imatrixFolder("tiny-phi3");
    List<String> files = new ArrayList<>();
    for (String name : List.of("imatrix.gguf", "imatrix.dat")) {
      files.add(folder.resolve("from-" + name).toString());
      Phial.call(
              List.of(
                  "quantize",
                  Phial.model("tiny-phi3"),
                  "--to",
                  "gguf:IQ3_XXS",
                  "--imatrix",
                  imatrix.resolve(name).toString(),
                  "-o",
                  files.getLast()))
          .succeeded();
    }
    Phial.call(List.of("compare", files.getFirst(), files.getLast(), "--exact")).succeeded();
  }

  /** Into the test's folder. */
  private List<String> quantize(String model, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of("quantize", Phial.model(model)));
    command.addAll(List.of("-o", folder.toString()));
    command.addAll(arguments);
    return command;
  }

  /** File name to hash of what was written. */
  private Map<String, String> hashes() {
    try (Stream<Path> files = Files.list(folder)) {
      return files.collect(Collectors.toMap(file -> file.getFileName().toString(), Phial::sha256));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * {@code convert q8_0} → {@code gguf,outtype=q8_0}; {@code IQ2_S+imatrix} → {@code
   * gguf:IQ2_S,imatrix=…}.
   */
  private static String to(String key) {
    if (key.startsWith("convert ")) {
      return "gguf,outtype=" + key.substring("convert ".length());
    }
    return "gguf:" + key.replace(IMATRIX, ",imatrix=imatrix.gguf");
  }

  private static String fileName(String model, String key) {
    return "%s-gguf-%s.gguf".formatted(model, key.replace("convert ", "").replace(IMATRIX, ""));
  }
}
