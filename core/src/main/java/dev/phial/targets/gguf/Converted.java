package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.choose.Importance;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.ModelDescription;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.TensorName;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Recipe;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.source.Folder;
import dev.phial.source.Gguf;
import dev.phial.source.GgufValue;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model as llama.cpp's {@code convert_hf_to_gguf.py} would write it: its metadata and its
 * tensors, in order, in the type that conversion gives them. From here llama-quantize goes on.
 */
record Converted(
    Hyperparameters hyperparameters,
    Recipe type,
    Map<String, GgufValue> metadata,
    List<PlannedTensor> tensors) {

  static final int QUANTIZATION_VERSION = 2; // GGML_QNT_VERSION

  /**
   * @param converts whether the converter's own type counts; on the way to llama-quantize nothing
   *     may be lost
   */
  static Converted of(
      Folder folder,
      ModelDescription model,
      String architecture,
      GgufOptions options,
      boolean converts) {
    Recipe type = converts ? outtype(options, model) : lossless(model);
    Hyperparameters h = model.hyperparameters();
    List<Weight> weights = new ArrayList<>();
    h.rope().longRope().ifPresent(rope -> weights.addAll(ropeFactors(folder.path(), rope)));
    weights.addAll(model.weights());
    List<PlannedTensor> tensors = weights.stream().map(weight -> convert(weight, type)).toList();

    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.architecture", new GgufValue.Text(architecture));
    if (h.rope().longRope().isPresent()) {
      metadata.put(
          architecture + ".rope.scaling.attn_factor", GgufValue.float32(h.attentionFactor()));
    }
    metadata.put("general.type", new GgufValue.Text("model"));
    metadata.putAll(
        GeneralMetadata.of(
            folder,
            tensors.stream().mapToLong(tensor -> tensor.shape().elements()).sum(),
            options.value("metadata").map(Path::of),
            options.value("model-name"),
            sizeLabel(tensors)));
    metadata.putAll(ArchitectureMetadata.of(architecture, h, type.fileType()));
    metadata.put("general.quantization_version", GgufValue.uint32(QUANTIZATION_VERSION));
    Optional<String> pre =
        options.overrides().get("tokenizer.ggml.pre") instanceof GgufValue.Text text
            ? Optional.of(text.value())
            : Optional.empty();
    Vocabulary vocabulary = Vocabularies.of(folder, h.vocabulary(), pre);
    metadata.putAll(vocabulary.metadata());
    int limit = vocabulary.scores().isPresent() ? h.vocabulary() : Integer.MAX_VALUE;
    metadata.putAll(SpecialTokens.of(folder, limit));
    return new Converted(h, type, metadata, tensors);
  }

  /** A file that is GGUF already, in the order in which llama.cpp holds its tensors. */
  static Converted of(Gguf gguf, ModelDescription model) {
    List<PlannedTensor> tensors =
        model.weights().stream()
            .map(weight ->
                PlannedTensor.of(weight.ggufName(), weight, (GgmlFormat) weight.encoding()))
            .toList();
    return new Converted(model.hyperparameters(), Recipe.F32, gguf.metadata(), tensors);
  }

  /** The converter's own file. */
  GgufFiles files(GgufOptions options) {
    Map<String, GgufValue> values = new LinkedHashMap<>(metadata);
    options
        .overrides()
        .forEach((key, value) -> {
          values.remove(key);
          values.put(key, value);
        });
    return new GgufFiles(type.name(), Splitter.split(values, tensors, options), Importance.NONE);
  }

  /** The order of llama.cpp's own table of tensors: by layer, then by name. */
  List<PlannedTensor> inLoadingOrder() {
    return tensors.stream()
        .sorted(
            Comparator.comparingInt((PlannedTensor tensor) -> tensor.weight().layer())
                .thenComparing(PlannedTensor::name))
        .toList();
  }

  /**
   * Vectors, norms, biases and routers stay in single precision; matrices get the type, or F16
   * where its blocks do not fit.
   */
  private static PlannedTensor convert(Weight weight, Recipe type) {
    boolean single =
        weight.part() == Part.BIAS || weight.shape().rank() < 2 || weight.role() == Role.ROUTER;
    GgmlFormat format = single ? Formats.F32 : type.base();
    if (weight.shape().columns() % format.blockSize() != 0) {
      format = Formats.F16;
    }
    return PlannedTensor.of(weight.ggufName(), weight, format);
  }

  private static Recipe outtype(GgufOptions options, ModelDescription model) {
    String type = options.value("outtype").orElse("auto");
    return switch (type) {
      case "f32" -> Recipe.F32;
      case "f16" -> Recipe.F16;
      case "bf16" -> Recipe.BF16;
      case "q8_0" -> Recipe.Q8_0;
      case "auto" -> guess(model);
      default ->
          throw new PhialException.Usage(
              "--outtype: expected f32, f16, bf16, q8_0 or auto, found " + type);
    };
  }

  /** The type of the first matrix in half precision, else F16: the converter's guess. */
  private static Recipe guess(ModelDescription model) {
    return model.weights().stream()
        .filter(weight -> weight.shape().rank() >= 2)
        .map(Weight::encoding)
        .filter(encoding -> encoding == DType.BF16 || encoding == DType.F16)
        .findFirst()
        .map(encoding -> encoding == DType.BF16 ? Recipe.BF16 : Recipe.F16)
        .orElse(Recipe.F16);
  }

  /** The smallest type that holds every matrix exactly. */
  private static Recipe lossless(ModelDescription model) {
    List<Encoding> encodings =
        model.weights().stream()
            .filter(weight -> weight.shape().rank() >= 2)
            .map(Weight::encoding)
            .distinct()
            .toList();
    boolean plain = model.weights().stream().allMatch(Weight::isPlain);
    if (plain && encodings.equals(List.of(DType.BF16))) {
      return Recipe.BF16;
    }
    return plain && encodings.equals(List.of(DType.F16)) ? Recipe.F16 : Recipe.F32;
  }

  private static List<Weight> ropeFactors(Path path, LongRope rope) {
    return List.of(
        factors(path, Role.ROPE_FACTORS_LONG, "rope_factors_long", rope.longFactors()),
        factors(path, Role.ROPE_FACTORS_SHORT, "rope_factors_short", rope.shortFactors()));
  }

  private static Weight factors(Path path, Role role, String name, List<Double> factors) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[factors.size() * Float.BYTES]);
    for (int i = 0; i < factors.size(); i++) {
      bytes.set(
          ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN),
          (long) i * Float.BYTES,
          factors.get(i).floatValue());
    }
    Shape shape = Shape.of(factors.size());
    Tensor tensor = new Tensor(path.resolve("config.json"), name, DType.F32, shape, bytes);
    return new Weight(
        new TensorName(role, "", name, h -> shape), -1, Part.WEIGHT, shape, List.of(tensor));
  }

  private static String sizeLabel(List<PlannedTensor> tensors) {
    long total = 0;
    long perExpert = 0;
    long shared = 0;
    long experts = 0;
    long stacks = 0;
    for (PlannedTensor tensor : tensors) {
      Shape shape = tensor.shape();
      total += shape.elements();
      if (tensor.weight().role().isExpert()) {
        long count = shape.dimensions().getFirst();
        perExpert += shape.elements() / count;
        experts += count;
        stacks++;
      } else {
        shared += shape.elements();
      }
    }
    return SizeLabel.of(total, shared, perExpert, stacks == 0 ? 0 : experts / stacks);
  }
}
