package dev.phial.conformance;

import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** What tools for PyTorch made of one layer of a fixture, in the place that it was cut out of. */
final class QuantizedLayer {
  private static final Path FOLDER =
      Phial.ROOT.resolve("core/src/test/resources/dev/phial/source/quantized");

  private static final String LAYER = "model.layers.0.self_attn.o_proj";

  private QuantizedLayer() {}

  /** Tool, scheme and, unless it is the demo, model. */
  static Stream<String> names() {
    return layers().propertyNames().stream();
  }

  private static JsonNode layers() {
    return read(FOLDER.resolve("layers.json"));
  }

  /** Writes a checkpoint that is the model but for this layer. */
  static void writeModel(Path folder, String name) throws IOException {
    Path model =
        Path.of(
            Phial.model(
                Stream.of("phi4-mini", "phi35-moe")
                    .filter(name::endsWith)
                    .findFirst()
                    .orElse("tiny-phi3")));
    Files.createDirectory(folder);
    try (Stream<Path> files = Files.list(model)) {
      for (Path file : files.filter(f -> !f.toString().endsWith(".safetensors")).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    WeightFile weights = new WeightFile();
    try (Checkpoint checkpoint = Sources.open(model)) {
      checkpoint.tensors().values().stream()
          .filter(tensor -> !tensor.name().startsWith(LAYER))
          .forEach(weights::copy);
    }
    weights.write(folder.resolve("model-1.safetensors"));
    Files.copy(FOLDER.resolve(name + ".safetensors"), folder.resolve("model-2.safetensors"));
    ObjectNode config = (ObjectNode) read(folder.resolve("config.json"));
    config.set("quantization_config", layers().path(name).path("quantization_config"));
    Files.writeString(folder.resolve("config.json"), config.toString());
  }

  private static JsonNode read(Path file) {
    try {
      return Json.MAPPER.readTree(Files.readString(file));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
