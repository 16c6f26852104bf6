package dev.phial.targets.onnx;

import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.SomeRanges;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Sink;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import onnx.Onnx.ModelProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.ValueInfoProto;

/** A folder that was written, taken apart again. */
record Export(Path folder, ModelProto model) {
  static final Path MODELS = Path.of("..", "fixtures", "models");

  /**
   * Writes {@code folder/onnx}.
   *
   * @param spelling precision and options as after {@code --to onnx:}
   */
  static Export write(Path source, String spelling, Path folder) {
    Path output = folder.resolve("onnx");
    try (Checkpoint checkpoint = Sources.open(source)) {
      Layout job = plan(checkpoint, spelling);
      try (Sink sink = job.open(output, true)) {
        Pass.run(List.of(sink), 2, Progress.NONE);
      }
      return new Export(
          output, ModelProto.parseFrom(Files.readAllBytes(output.resolve(GenaiConfig.GRAPH))));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Layout plan(Checkpoint checkpoint, String spelling) {
    String[] words = spelling.split(",");
    Map<String, List<String>> options = new HashMap<>();
    for (String word : Arrays.asList(words).subList(1, words.length)) {
      int equals = word.indexOf('=');
      options
          .computeIfAbsent(equals < 0 ? word : word.substring(0, equals), name -> new ArrayList<>())
          .addAll(equals < 0 ? List.of() : List.of(word.substring(equals + 1)));
    }
    ModelDescription model = Families.describe(checkpoint);
    Request request = new Request(checkpoint, model, Optional.of(words[0]), new Options(options));
    OnnxTarget target = new OnnxTarget();
    return target.plan(
        target.needsRanges(request)
            ? request.with(SomeRanges.of(model.hyperparameters().layers()))
            : request);
  }

  /** {@code name} to {@code TYPE DIMxDIM HASH}, in the order of the graph. */
  Map<String, String> tensors() {
    Map<String, String> tensors = new LinkedHashMap<>();
    for (TensorProto tensor : model.getGraph().getInitializerList()) {
      tensors.put(
          tensor.getName(),
          "%s %s %s"
              .formatted(
                  TensorProto.DataType.forNumber(tensor.getDataType()),
                  tensor.getDimsList().stream()
                      .map(String::valueOf)
                      .collect(Collectors.joining("x")),
                  hash(bytes(tensor))));
    }
    return tensors;
  }

  /** The bytes of a tensor in the graph or in the data file. */
  byte[] bytes(TensorProto tensor) {
    if (tensor.hasRawData()) {
      return tensor.getRawData().toByteArray();
    }
    Map<String, String> where = new HashMap<>();
    tensor.getExternalDataList().forEach(entry -> where.put(entry.getKey(), entry.getValue()));
    int offset = Integer.parseInt(where.getOrDefault("offset", ""));
    int length = Integer.parseInt(where.getOrDefault("length", ""));
    try {
      byte[] all = Files.readAllBytes(folder.resolve(where.getOrDefault("location", "")));
      return Arrays.copyOfRange(all, offset, offset + length);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<String> values(List<ValueInfoProto> values) {
    return values.stream()
        .map(value -> {
          var type = value.getType().getTensorType();
          return value.getName()
              + " "
              + TensorProto.DataType.forNumber(type.getElemType())
              + type.getShape().getDimList().stream()
                  .map(dim -> dim.hasDimParam() ? dim.getDimParam() : "" + dim.getDimValue())
                  .map(dim -> " " + dim)
                  .collect(Collectors.joining());
        })
        .toList();
  }

  private static String hash(byte[] bytes) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().formatHex(digest, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
