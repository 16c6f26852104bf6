package dev.phial.conformance;

import dev.phial.io.Json;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A checkpoint in the shape of a published model, with the tokenizer of a small one: its weights
 * are a hole in a file, so that it can be planned and takes no disk.
 */
final class SparseCheckpoint {
  private SparseCheckpoint() {}

  /** 32 layers of 3072, 200,064 tokens, the embedding used twice: 3.84 B parameters. */
  static Path phi4Mini(Path folder) {
    return write(
        folder.resolve("Phi-4-mini"),
        "phi4-mini",
        Map.of(
            "hidden_size", 3072,
            "num_hidden_layers", 32,
            "intermediate_size", 8192,
            "vocab_size", 200064,
            "num_attention_heads", 24,
            "num_key_value_heads", 8,
            "max_position_embeddings", 131072,
            "original_max_position_embeddings", 4096));
  }

  /** 40 layers of 5120, 100,352 tokens: 14.7 B parameters. */
  static Path phi4(Path folder) {
    return write(
        folder.resolve("Phi-4"),
        "phi4",
        Map.of(
            "hidden_size", 5120,
            "num_hidden_layers", 40,
            "intermediate_size", 17920,
            "vocab_size", 100352,
            "num_attention_heads", 40,
            "num_key_value_heads", 10,
            "max_position_embeddings", 16384,
            "original_max_position_embeddings", 16384));
  }

  private static Path write(Path folder, String like, Map<String, Integer> sizes) {
    Path source = Phial.MODELS.resolve(like);
    try {
      Files.createDirectories(folder);
      try (Stream<Path> files = Files.list(source)) {
        for (Path file : files.filter(file -> !isWeights(file)).toList()) {
          Files.copy(file, folder.resolve(file.getFileName()));
        }
      }
      ObjectNode config =
          (ObjectNode) Json.MAPPER.readTree(Files.readString(folder.resolve("config.json")));
      sizes.forEach(config::put);
      if (config.path("rope_scaling") instanceof ObjectNode scaling) {
        double rotated = config.path("partial_rotary_factor").asDouble(1);
        int pairs = (int) (rotated * headSize(config)) / 2;
        stretch(scaling.putArray("long_factor"), pairs);
        stretch(scaling.putArray("short_factor"), pairs);
      }
      Files.writeString(folder.resolve("config.json"), config.toString());
      writeHole(folder.resolve("model.safetensors"), tensors(config));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return folder;
  }

  private static boolean isWeights(Path file) {
    return file.toString().endsWith(".safetensors");
  }

  private static int headSize(ObjectNode config) {
    return config.path("hidden_size").asInt() / config.path("num_attention_heads").asInt();
  }

  private static void stretch(ArrayNode factors, int count) {
    for (int i = 0; i < count; i++) {
      factors.add(1 + i / 16.0);
    }
  }

  private static Map<String, List<Integer>> tensors(ObjectNode config) {
    int hidden = config.path("hidden_size").asInt();
    int inner = config.path("intermediate_size").asInt();
    int vocabulary = config.path("vocab_size").asInt();
    int qkv = hidden + 2 * config.path("num_key_value_heads").asInt() * headSize(config);
    Map<String, List<Integer>> tensors = new LinkedHashMap<>();
    tensors.put("model.embed_tokens.weight", List.of(vocabulary, hidden));
    for (int layer = 0; layer < config.path("num_hidden_layers").asInt(); layer++) {
      String prefix = "model.layers.%d.".formatted(layer);
      tensors.put(prefix + "input_layernorm.weight", List.of(hidden));
      tensors.put(prefix + "self_attn.qkv_proj.weight", List.of(qkv, hidden));
      tensors.put(prefix + "self_attn.o_proj.weight", List.of(hidden, hidden));
      tensors.put(prefix + "post_attention_layernorm.weight", List.of(hidden));
      tensors.put(prefix + "mlp.gate_up_proj.weight", List.of(2 * inner, hidden));
      tensors.put(prefix + "mlp.down_proj.weight", List.of(hidden, inner));
    }
    tensors.put("model.norm.weight", List.of(hidden));
    if (!config.path("tie_word_embeddings").asBoolean()) {
      tensors.put("lm_head.weight", List.of(vocabulary, hidden));
    }
    return tensors;
  }

  private static void writeHole(Path file, Map<String, List<Integer>> tensors) throws IOException {
    ObjectNode header = Json.MAPPER.createObjectNode();
    long offset = 0;
    for (Map.Entry<String, List<Integer>> tensor : tensors.entrySet()) {
      ObjectNode entry = header.putObject(tensor.getKey());
      entry.put("dtype", "BF16");
      long bytes = 2;
      ArrayNode shape = entry.putArray("shape");
      for (int size : tensor.getValue()) {
        shape.add(size);
        bytes *= size;
      }
      entry.putArray("data_offsets").add(offset).add(offset + bytes);
      offset += bytes;
    }
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.write(
          ByteBuffer.allocate(Long.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(text.length)
              .array());
      out.write(text);
      out.setLength(Long.BYTES + text.length + offset);
    }
  }
}
