package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Whatever a tool for PyTorch quantized becomes a model in numbers for each runtime, of which
 * {@code phial eval} says what it says of the source.
 */
final class TorchSourcesTest {
  private static final String MODEL = Phial.model("tiny-phi3");

  /** Targets that round nothing. */
  private static final List<String> NUMBERS =
      List.of("gguf:F32", "onnx:fp32", "openvino:fp32", "mlx:float32");

  private static final String TEXT =
      """
      ROMEO:
      But, soft! what light through yonder window breaks?
      It is the east, and Juliet is the sun.
      Arise, fair sun, and kill the envious moon,
      Who is already sick and pale with grief.
      """;

  @TempDir Path folder;

  /** The layers of the tools, and what Phial writes of whole models. */
  static Stream<String> sources() {
    return Stream.concat(
        QuantizedLayer.names(),
        Stream.of(
            "torch:w8a16",
            "torch:w8a16,asymmetric",
            "torch:w8a8",
            "torch:fp8,strategy=block",
            "torch:mxfp4",
            "torch:mxfp8",
            "torch:nvfp4",
            "gptq:8",
            "awq:4",
            "bnb:nf4",
            "bnb:int8"));
  }

  @ParameterizedTest
  @MethodSource("sources")
  void evalSaysTheSameOfWhatItBecomes(String name) throws IOException {
    Path source = folder.resolve("source");
    if (name.contains(":")) {
      Phial.call(List.of("quantize", MODEL, "--to", name, "-o", source.toString())).succeeded();
    } else {
      QuantizedLayer.writeModel(source, name);
    }
    List<String> words =
        new ArrayList<>(List.of("quantize", source.toString(), "-o", folder.toString()));
    NUMBERS.forEach(target -> words.addAll(List.of("--to", target)));
    Phial.call(words).succeeded();

    JsonNode figures = eval(source);

    JsonNode outputs = figures.path("candidates");
    assertThat(outputs).hasSize(NUMBERS.size());
    // what rounds activations too becomes numbers that agree with each other, and nearly with it
    boolean isRounded = figures.path("reference").has("rounded_activations");
    double perplexity =
        (isRounded ? outputs.path(0) : figures.path("reference")).path("ppl").doubleValue();
    for (JsonNode output : outputs) {
      String what = "%s as %s".formatted(name, output.path("path").stringValue());
      assertThat(output.path("ppl").doubleValue())
          .as(what)
          .isCloseTo(perplexity, within(1e-4 * perplexity));
      assertThat(output.path("kld_mean").doubleValue())
          .as(what)
          .isLessThan(isRounded ? 1e-2 : 1e-6);
    }
  }

  private JsonNode eval(Path source) throws IOException {
    List<String> words = new ArrayList<>(List.of("eval", source.toString()));
    try (Stream<Path> files = Files.list(folder)) {
      files
          .filter(file -> !file.equals(source))
          .filter(file -> Files.isDirectory(file) || file.toString().endsWith(".gguf"))
          .map(Path::toString)
          .sorted()
          .forEach(words::add);
    }
    Path text = Files.writeString(folder.resolve("text.txt"), TEXT);
    words.addAll(List.of("--text", text.toString(), "--context", "32", "--chunks", "1", "--json"));
    return Json.MAPPER.readTree(Phial.call(words).succeeded().out());
  }
}
