package dev.phial.conformance;

import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Phi-3-vision of random numbers around the text model of a fixture. Its encoder is as wide as
 * the published one, which runtimes insist on, and has three layers.
 */
final class SeeingCheckpoint {
  private static final int WIDTH = 1024;
  private static final int INNER = 64;
  private static final int LAYERS = 3;
  private static final String LIKE = "phi3-medium-128k";
  private static final String ROOT = "model.vision_embed_tokens.";
  private static final String TOWER = ROOT + "img_processor.vision_model.";

  private final Random random = new Random(1);
  private final WeightFile weights = new WeightFile();

  private SeeingCheckpoint() {}

  /**
   * @param crops squares that an image is cut into, at most
   */
  static Path write(Path folder, int crops) {
    try {
      return new SeeingCheckpoint().writeTo(folder.resolve("phi3v"), crops);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Path writeTo(Path folder, int crops) throws IOException {
    Path source = Phial.MODELS.resolve(LIKE);
    Files.createDirectories(folder);
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.filter(f -> !f.toString().endsWith(".safetensors")).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
    ObjectNode config =
        (ObjectNode) Json.MAPPER.readTree(Files.readString(folder.resolve("config.json")));
    config.putArray("architectures").add("Phi3VForCausalLM");
    config.put("model_type", "phi3_v");
    Files.writeString(folder.resolve("config.json"), config.toString());
    ObjectNode images = Json.MAPPER.createObjectNode().put("num_crops", crops);
    images.putArray("image_mean").add(0.48145466).add(0.4578275).add(0.40821073);
    images.putArray("image_std").add(0.26862954).add(0.26130258).add(0.27577711);
    Files.writeString(folder.resolve("preprocessor_config.json"), images.toString());
    try (Checkpoint text = Sources.open(source)) {
      text.tensors().values().forEach(weights::copy);
    }
    addEncoder(config.get("hidden_size").intValue());
    weights.write(folder.resolve("model.safetensors"));
    return folder;
  }

  private void addEncoder(int text) {
    add(TOWER + "embeddings.class_embedding", 0, 0.4, WIDTH);
    add(TOWER + "embeddings.patch_embedding.weight", 0, 0.03, WIDTH, 3, 14, 14);
    add(TOWER + "embeddings.position_embedding.weight", 0, 0.4, 1 + 24 * 24, WIDTH);
    addNorm(TOWER + "pre_layrnorm");
    for (int i = 0; i < LAYERS; i++) {
      String layer = TOWER + "encoder.layers.%d.".formatted(i);
      addNorm(layer + "layer_norm1");
      for (String name : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
        addLinear(layer + "self_attn." + name, WIDTH, WIDTH);
      }
      addNorm(layer + "layer_norm2");
      addLinear(layer + "mlp.fc1", INNER, WIDTH);
      addLinear(layer + "mlp.fc2", WIDTH, INNER);
    }
    addNorm(TOWER + "post_layernorm");
    add(ROOT + "glb_GN", 0, 0.4, 1, 1, 4 * WIDTH);
    add(ROOT + "sub_GN", 0, 0.4, 1, 1, 1, 4 * WIDTH);
    addLinear(ROOT + "img_projection.0", text, 4 * WIDTH);
    addLinear(ROOT + "img_projection.2", text, text);
  }

  private void addNorm(String module) {
    add(module + ".weight", 1, 0.2, WIDTH);
    add(module + ".bias", 0, 0.1, WIDTH);
  }

  private void addLinear(String module, int rows, int columns) {
    add(module + ".weight", 0, 0.7 / Math.sqrt(columns), rows, columns);
    add(module + ".bias", 0, 0.1, rows);
  }

  private void add(String name, double mean, double deviation, long... shape) {
    int count = (int) LongStream.of(shape).reduce(1, Math::multiplyExact);
    ByteBuffer bytes = ByteBuffer.allocate(2 * count).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      float value = (float) (mean + deviation * random.nextGaussian());
      bytes.putShort((short) (Float.floatToRawIntBits(value) >> 16)); // BF16
    }
    weights.put(name, "BF16", LongStream.of(shape).boxed().toList(), bytes.array());
  }
}
