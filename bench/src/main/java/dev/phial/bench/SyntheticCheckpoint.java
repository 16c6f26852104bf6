package dev.phial.bench;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Makes a checkpoint of a published model's widths with random weights, BF16, sharded as the hub
 * does. A sparse one is all holes: any size, no disk, for proofs of memory.
 *
 * <p>Usage: {@code SyntheticCheckpoint SHAPE FOLDER [LAYERS] [sparse]}
 */
final class SyntheticCheckpoint {
  private static final long SHARD_BYTES = 900_000_000;

  /** Columns of random numbers made at a time. */
  private static final int CHUNK = 1 << 16;

  /** The widths of a published model; the tokenizer is that of a small checkpoint of its kind. */
  enum Shape {
    PHI_3_5_MINI(3072, 8192, 32064, 32, 32, 4),
    PHI_3_MEDIUM(5120, 17920, 32064, 40, 10, 40);

    final int hidden;
    final int feedForward;
    final int vocabulary;
    final int heads;
    final int keyValueHeads;
    final int layers;

    Shape(int hidden, int feedForward, int vocabulary, int heads, int keyValueHeads, int layers) {
      this.hidden = hidden;
      this.feedForward = feedForward;
      this.vocabulary = vocabulary;
      this.heads = heads;
      this.keyValueHeads = keyValueHeads;
      this.layers = layers;
    }
  }

  /** One tensor; a norm is all ones. */
  private record Entry(String name, long rows, long columns) {
    boolean isNorm() {
      return rows == 0;
    }

    long bytes() {
      return 2 * Math.max(1, rows) * columns;
    }

    String shape() {
      return isNorm() ? "[%d]".formatted(columns) : "[%d,%d]".formatted(rows, columns);
    }
  }

  private SyntheticCheckpoint() {}

  public static void main(String[] arguments) throws IOException {
    List<String> words = new ArrayList<>(List.of(arguments));
    boolean sparse = words.remove("sparse");
    if (words.size() < 2) {
      System.err.println(
          "usage: SyntheticCheckpoint %s FOLDER [LAYERS] [sparse]"
              .formatted(Stream.of(Shape.values()).map(Enum::name).toList()));
      System.exit(2);
    }
    Shape shape = Shape.valueOf(words.get(0));
    Path folder = Path.of(words.get(1));
    int layers = words.size() > 2 ? Integer.parseInt(words.get(2)) : shape.layers;
    Files.createDirectories(folder);
    writeShards(entries(shape, layers), folder, sparse);
    writeConfig(shape, layers, folder);
  }

  private static List<Entry> entries(Shape shape, int layers) {
    int hidden = shape.hidden;
    long headSize = hidden / shape.heads;
    List<Entry> entries = new ArrayList<>();
    entries.add(new Entry("model.embed_tokens.weight", shape.vocabulary, hidden));
    for (int layer = 0; layer < layers; layer++) {
      String prefix = "model.layers.%d.".formatted(layer);
      long qkv = hidden + 2L * shape.keyValueHeads * headSize;
      entries.add(new Entry(prefix + "input_layernorm.weight", 0, hidden));
      entries.add(new Entry(prefix + "self_attn.qkv_proj.weight", qkv, hidden));
      entries.add(new Entry(prefix + "self_attn.o_proj.weight", hidden, hidden));
      entries.add(new Entry(prefix + "post_attention_layernorm.weight", 0, hidden));
      entries.add(new Entry(prefix + "mlp.gate_up_proj.weight", 2L * shape.feedForward, hidden));
      entries.add(new Entry(prefix + "mlp.down_proj.weight", hidden, shape.feedForward));
    }
    entries.add(new Entry("model.norm.weight", 0, hidden));
    entries.add(new Entry("lm_head.weight", shape.vocabulary, hidden));
    return entries;
  }

  private static void writeShards(List<Entry> entries, Path folder, boolean sparse)
      throws IOException {
    List<List<Entry>> shards = new ArrayList<>(List.of(new ArrayList<>()));
    long size = 0;
    for (Entry entry : entries) {
      if (size > SHARD_BYTES) {
        shards.add(new ArrayList<>());
        size = 0;
      }
      shards.getLast().add(entry);
      size += entry.bytes();
    }
    Random random = new Random(5);
    List<String> map = new ArrayList<>();
    for (int i = 0; i < shards.size(); i++) {
      String name = "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      writeShard(shards.get(i), folder.resolve(name), random, sparse);
      for (Entry entry : shards.get(i)) {
        map.add("\"%s\":\"%s\"".formatted(entry.name, name));
      }
    }
    long total = entries.stream().mapToLong(Entry::bytes).sum();
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        "{\"metadata\":{\"total_size\":%d},\"weight_map\":{%s}}"
            .formatted(total, String.join(",", map)));
    System.err.printf("%s: %.0f M parameters%n", folder, total / 2e6);
  }

  private static void writeShard(List<Entry> entries, Path path, Random random, boolean sparse)
      throws IOException {
    StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
    long offset = 0;
    for (Entry entry : entries) {
      header.append(
          ",\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(entry.name, entry.shape(), offset, offset + entry.bytes()));
      offset += entry.bytes();
    }
    header.append('}');
    while (header.length() % 8 != 0) {
      header.append(' ');
    }
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    try (FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.SPARSE)) {
      ByteBuffer start = ByteBuffer.allocate(8 + text.length).order(ByteOrder.LITTLE_ENDIAN);
      channel.write(start.putLong(text.length).put(text).flip());
      long at = start.capacity();
      for (Entry entry : entries) {
        if (!sparse || entry.isNorm()) {
          write(channel, at, entry, random);
        }
        at += entry.bytes();
      }
      if (sparse) {
        channel.write(ByteBuffer.allocate(1), at - 1);
      }
    }
  }

  private static void write(FileChannel channel, long from, Entry entry, Random random)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(2 * CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    long end = from + entry.bytes();
    for (long at = from; at < end; at += buffer.limit()) {
      buffer.clear().limit((int) Math.min(2 * CHUNK, end - at));
      while (buffer.hasRemaining()) {
        float value = entry.isNorm() ? 1 : (float) random.nextGaussian(0, 0.02);
        buffer.putShort((short) (Float.floatToIntBits(value) >> 16));
      }
      buffer.flip();
      for (long position = at; buffer.hasRemaining(); ) {
        position += channel.write(buffer, position);
      }
    }
  }

  /** Config and tokenizer of the small Phi-3 in the fixtures, with the widths of the shape. */
  private static void writeConfig(Shape shape, int layers, Path folder) throws IOException {
    Path fixture = Path.of(System.getProperty("phial.home", "."), "fixtures/models/phi3-mini-4k");
    if (!Files.isDirectory(fixture)) {
      throw new PhialException.BadInput(
          fixture + ": expected the fixtures of the project; pass -Dphial.home=ITS FOLDER");
    }
    for (String name : List.of("tokenizer.model", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(fixture.resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
    Files.writeString(
        folder.resolve("config.json"),
        """
        {
          "architectures": ["Phi3ForCausalLM"],
          "model_type": "phi3",
          "bos_token_id": 1,
          "eos_token_id": 2000,
          "pad_token_id": 2000,
          "hidden_act": "silu",
          "hidden_size": %d,
          "intermediate_size": %d,
          "vocab_size": %d,
          "num_hidden_layers": %d,
          "num_attention_heads": %d,
          "num_key_value_heads": %d,
          "max_position_embeddings": 4096,
          "original_max_position_embeddings": 4096,
          "sliding_window": 2047,
          "rms_norm_eps": 1e-05,
          "rope_theta": 10000.0,
          "rope_scaling": null,
          "tie_word_embeddings": false,
          "torch_dtype": "bfloat16"
        }
        """
            .formatted(
                shape.hidden,
                shape.feedForward,
                shape.vocabulary,
                layers,
                shape.heads,
                shape.keyValueHeads));
  }
}
