package dev.phial.model;

import dev.phial.Fixtures;
import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import dev.phial.source.Config;
import dev.phial.source.Sources;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A checkpoint of any family, made from its own table of names: all weights are zeros. The
 * configuration and the tokenizer are borrowed from a fixture.
 */
public final class TinyCheckpoint {
  /** The fixture that each family borrows from. */
  private static final Map<String, String> BORROWED =
      Map.of(
          "phi2", "phi2",
          "phi3", "phi3-medium-128k",
          "phimoe", "phi35-moe",
          "phi3small", "phi3-small-8k",
          "phi3v", "phi3-medium-128k",
          "phi4mm", "phi3-medium-128k",
          "phi4siglip", "phi3-medium-128k");

  private final Path folder;
  private final ObjectNode config;
  private final Map<String, List<Long>> tensors = new LinkedHashMap<>();

  private TinyCheckpoint(Path folder, ObjectNode config) {
    this.folder = folder;
    this.config = config;
  }

  public static TinyCheckpoint of(Family family, Path parent) {
    Path fixture = Fixtures.model(BORROWED.getOrDefault(family.name(), "phi3-mini-4k"));
    ObjectNode config = (ObjectNode) Config.read(fixture.resolve("config.json")).json();
    config.putArray("architectures").add(family.architectures().getFirst());
    TinyCheckpoint checkpoint = new TinyCheckpoint(parent.resolve("tiny-" + family.name()), config);
    Hyperparameters h = family.hyperparameters(new Config(fixture, config));
    for (TensorName name : family.names()) {
      if (name.role() != Role.OUTPUT || !h.tied()) {
        names(name, Part.WEIGHT, h)
            .forEach(one -> checkpoint.tensors.put(one, shape(name, Part.WEIGHT, h)));
      }
    }
    checkpoint.copyTokenizer(fixture);
    return checkpoint;
  }

  /** What a row of the table stands for in a checkpoint. */
  static List<String> names(TensorName name, Part part, Hyperparameters h) {
    if (name.isPrefix()) {
      return List.of(name.huggingFace().replace("*", "anything" + part.suffix()));
    }
    List<String> names = new ArrayList<>();
    for (int layer = 0; layer < (name.isPerLayer() ? h.layers() : 1); layer++) {
      String one = name.huggingFace(layer, part);
      for (int expert = 0; expert < (name.isPerExpert() ? h.experts().count() : 1); expert++) {
        names.add(one.replace("{}", Integer.toString(expert)));
      }
    }
    return names;
  }

  private static List<Long> shape(TensorName name, Part part, Hyperparameters h) {
    List<Long> shape = name.isPrefix() ? List.of(2L, 3L) : name.shape().apply(h).dimensions();
    List<Long> one = name.isPerExpert() ? shape.subList(1, shape.size()) : shape;
    return part == Part.BIAS ? List.of(one.getFirst()) : one;
  }

  Map<String, List<Long>> tensors() {
    return tensors;
  }

  ObjectNode config() {
    return config;
  }

  /** Adds a bias to whatever has a place for one. */
  void addBiases(Family family) {
    Hyperparameters h = family.hyperparameters(new Config(folder, config));
    for (TensorName name : family.names()) {
      if (!name.isPrefix() && !name.isPerExpert() && name.role() != Role.TOKEN_EMBEDDING) {
        names(name, Part.BIAS, h).forEach(one -> tensors.put(one, shape(name, Part.BIAS, h)));
      }
    }
  }

  public Path folder() {
    return folder;
  }

  /** Writes what there is now. */
  public Checkpoint open() {
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("config.json"), config.toString());
      writeSafetensors();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return Sources.open(folder);
  }

  private void writeSafetensors() throws IOException {
    ObjectNode header = Json.MAPPER.createObjectNode();
    long offset = 0;
    for (Map.Entry<String, List<Long>> tensor : tensors.entrySet()) {
      ObjectNode entry = header.putObject(tensor.getKey()).put("dtype", "BF16");
      ArrayNode shape = entry.putArray("shape");
      tensor.getValue().forEach(shape::add);
      long bytes = tensor.getValue().stream().reduce(2L, Math::multiplyExact);
      entry.putArray("data_offsets").add(offset).add(offset + bytes);
      offset += bytes;
    }
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    try (OutputStream out = Files.newOutputStream(folder.resolve("model.safetensors"))) {
      out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).array());
      out.write(text);
      for (long left = offset; left > 0; left -= 1 << 16) {
        out.write(new byte[(int) Math.min(left, 1 << 16)]);
      }
    }
  }

  private void copyTokenizer(Path fixture) {
    try {
      Files.createDirectories(folder);
      try (Stream<Path> files = Files.list(fixture)) {
        for (Path file : files.filter(f -> !isWeights(f)).toList()) {
          Files.copy(file, folder.resolve(file.getFileName()));
        }
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean isWeights(Path file) {
    return file.toString().matches(".*\\.(safetensors|bin)(\\.index\\.json)?");
  }
}
