package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.quant.FloatType;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.MatrixBits;
import dev.phial.targets.Mixing;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.TargetOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What was asked for, under the model builder's names.
 *
 * @param accuracyLevel of MatMulNBits; 0 is not written
 * @param single bits of single matrices
 * @param keeps whether codes come along as they are
 * @param sharesEmbedding whether input and output use one matrix where the model ties them
 * @param excluded nodes whose activations and weights are not rounded
 */
record OnnxOptions(
    Precision precision,
    Provider provider,
    int blockSize,
    int accuracyLevel,
    boolean symmetric,
    Algorithm algorithm,
    Set<String> mixed,
    MatrixBits single,
    boolean excludesHead,
    boolean excludesEmbedding,
    boolean sharesEmbedding,
    boolean qdq,
    boolean keeps,
    Set<String> excluded) {
  static final String EXCLUDED = "nodes-to-exclude";
  static final String LAST_MATMUL = "last_matmul";
  static final String MIXED_LAYERS = "mixed_layers";
  private static final List<String> OF_BLOCKS =
      List.of("accuracy-level", "symmetric", "asymmetric", "algo", "mixed", "qdq", MatrixBits.NAME);
  static final Mixing MIXING =
      new MatrixBits.Mixed(List.of(Precision.INT4.label(), Precision.INT8.label()));
  private static final List<Integer> BLOCK_SIZES = List.of(16, 32, 64, 128, 256);

  /** What groups can be cut into, the largest first. */
  static final List<Integer> CARRIED_SIZES = BLOCK_SIZES.reversed();

  static final List<TargetOption> OTHER_PROVIDERS =
      List.of(
          TargetOption.value(
              "ep", "PROVIDER", "Execution provider: cpu (default), cuda, dml, webgpu or qnn."),
          TargetOption.value(
              "block-size", "N", "Elements that share a scale: 16, 32 (default), 64, 128 or 256."),
          TargetOption.value(
              "accuracy-level",
              "N",
              "How MatMulNBits computes: 1 fp32, 2 fp16, 3 bf16, 4 int8, 0 as it likes; 4 by default for cpu and webgpu."),
          TargetOption.flag("symmetric", "Integers around zero, without zero points (default)."),
          TargetOption.flag("asymmetric", "Integers with zero points."),
          TargetOption.value("algo", "NAME", "How codes are chosen: default, rtn or k_quant."),
          TargetOption.values(
              "mixed",
              "WHICH",
              "Matrices to keep in 8 bits: last_matmul (the output), mixed_layers (those that matter most); twice for both."),
          MatrixBits.option("4|8"),
          TargetOption.flag("exclude-lm-head", "End with hidden_states instead of logits."),
          TargetOption.flag("exclude-embeds", "Begin with inputs_embeds instead of input_ids."),
          TargetOption.value(
              "shared-embeddings",
              "true|false",
              "Use one matrix for input and output where the model ties them (default)."),
          TargetOption.flag(
              "qdq", "DequantizeLinear and MatMul instead of MatMulNBits; 4 bits only."),
          TargetOption.values(
              EXCLUDED,
              "NODE",
              "A MatMul that w8a8 leaves in fp32, such as /lm_head/MatMul; again for more."),
          Request.TEXT_ONLY);

  /** Those of the ranges are for w8a8 and qnn. */
  static final List<TargetOption> ALL =
      Stream.of(OTHER_PROVIDERS, CalibrationOptions.ALL, QnnOptions.ALL)
          .flatMap(List::stream)
          .toList();

  private static final List<String> OF_ACTIVATIONS =
      Stream.concat(Stream.of(EXCLUDED), CalibrationOptions.ALL.stream().map(TargetOption::name))
          .toList();

  /** What is asked for if nothing is said. */
  static OnnxOptions plain() {
    return new OnnxOptions(
        Precision.INT4,
        Provider.CPU,
        32,
        Provider.CPU.accuracyLevel(),
        true,
        Algorithm.DEFAULT,
        Set.of(),
        new MatrixBits(List.of()),
        false,
        false,
        false,
        false,
        false,
        Set.of());
  }

  static OnnxOptions of(Request asked) {
    Request request = settled(asked);
    Options options = request.options();
    QnnOptions.refuse(options);
    Precision precision = Precision.named(request.precision().orElse(Precision.INT4.label()));
    Provider provider = Provider.named(options.value("ep").orElse("cpu"));
    provider.check(precision);
    if (!precision.isQuantized()) {
      refuse(options, List.of("block-size"), precision, "a quantized precision such as onnx:int4");
      refuse(options, OF_BLOCKS, precision, "a quantized precision such as onnx:int4");
    }
    if (precision.roundsActivations()) {
      refuse(options, OF_BLOCKS, precision, "quantized weights alone, as of onnx:int4");
      CalibrationOptions.of(options);
    } else {
      refuse(options, OF_ACTIVATIONS, precision, "quantized activations, as of onnx:w8a8");
    }
    if (options.has("symmetric") && options.has("asymmetric")) {
      throw new PhialException.Usage("--symmetric and --asymmetric cannot be used together");
    }
    OnnxOptions result =
        new OnnxOptions(
            precision,
            provider,
            number(options, "block-size", 32),
            number(options, "accuracy-level", provider.accuracyLevel()),
            !options.has("asymmetric"),
            Algorithm.named(options.value("algo").orElse("default")),
            mixed(options),
            MatrixBits.of(options, List.of(4, 8)),
            options.has("exclude-lm-head"),
            options.has("exclude-embeds"),
            shared(options, request.model().hyperparameters().tied()),
            options.has("qdq"),
            request.keeps(),
            new TreeSet<>(options.all(EXCLUDED)));
    result.check();
    return result;
  }

  /** With the precision that codes have which are carried. */
  static Request settled(Request request) {
    request.refuse(
        List.of("block-size", "symmetric", "asymmetric", "algo", "mixed", "qdq", MatrixBits.NAME));
    return request.settled(coding ->
        (coding.bits() <= Precision.INT4.bits() ? Precision.INT4 : Precision.INT8).label());
  }

  private static void refuse(
      Options options, List<String> names, Precision precision, String expected) {
    for (String name : names) {
      if (options.has(name)) {
        throw new PhialException.Usage(
            "--%s: expected %s, found onnx:%s".formatted(name, expected, precision.label()));
      }
    }
  }

  private void check() {
    if (!BLOCK_SIZES.contains(blockSize)) {
      throw new PhialException.Usage(
          "--block-size: expected one of %s, found %d".formatted(BLOCK_SIZES, blockSize));
    }
    if (accuracyLevel < 0 || accuracyLevel > 4) {
      throw new PhialException.Usage("--accuracy-level: expected 0 to 4, found " + accuracyLevel);
    }
    if (qdq && (precision == Precision.INT8 || !mixed.isEmpty() || !single.isEmpty())) {
      throw new PhialException.Usage(
          "--qdq: expected 4 bits everywhere, found 8; omit it, or ask for int4 alone");
    }
    if (qdq && algorithm != Algorithm.DEFAULT) {
      throw new PhialException.Usage("--qdq: expected --algo default, found " + algorithm.label());
    }
    if (precision == Precision.INT8 && !mixed.isEmpty()) {
      throw new PhialException.Usage(
          "--mixed keeps matrices in 8 bits, which onnx:int8 does already");
    }
  }

  static int number(Options options, String name, int otherwise) {
    String text = options.value(name).orElse(Integer.toString(otherwise));
    if (!text.matches("\\d{1,6}")) {
      throw new PhialException.Usage("--%s: expected a number, found %s".formatted(name, text));
    }
    return Integer.parseInt(text);
  }

  private static Set<String> mixed(Options options) {
    Set<String> mixed = new TreeSet<>();
    for (String values : options.all("mixed")) {
      for (String value : values.split(",", -1)) {
        if (!value.equals(LAST_MATMUL) && !value.equals(MIXED_LAYERS)) {
          throw new PhialException.Usage(
              "--mixed: expected %s or %s, found %s".formatted(LAST_MATMUL, MIXED_LAYERS, value));
        }
        mixed.add(value);
      }
    }
    return mixed;
  }

  private static boolean shared(Options options, boolean tied) {
    boolean shared =
        switch (options.value("shared-embeddings").orElse(Boolean.toString(tied))) {
          case "true" -> true;
          case "false" -> false;
          case String other ->
              throw new PhialException.Usage(
                  "--shared-embeddings: expected true or false, found " + other);
        };
    if (shared && !tied) {
      throw new PhialException.Unsupported(
          "--shared-embeddings: expected a model with one matrix for input and output, found one with two; omit the option");
    }
    return shared;
  }

  /** Whether it is about a model from its tokens to its logits. */
  boolean isWhole() {
    return !excludesHead && !excludesEmbedding;
  }

  /** Of the decoder of a model that sees: it begins with embeddings of tokens and images. */
  OnnxOptions fromEmbeddings() {
    return apart(true);
  }

  /** Of these embeddings, which share nothing with the output matrix. */
  OnnxOptions apart() {
    return apart(false);
  }

  private OnnxOptions apart(boolean fromEmbeddings) {
    return new OnnxOptions(
        precision,
        provider,
        blockSize,
        accuracyLevel,
        symmetric,
        algorithm,
        mixed,
        single,
        false,
        fromEmbeddings,
        false,
        qdq,
        keeps,
        excluded);
  }

  /** Of an encoder: eight bits wherever the decoder has no more, for numbers as they flow. */
  OnnxOptions ofEncoder() {
    OnnxOptions plain = plain();
    return new OnnxOptions(
        precision.isQuantized() ? Precision.INT8 : precision,
        provider,
        plain.blockSize,
        0,
        plain.symmetric,
        plain.algorithm,
        plain.mixed,
        plain.single,
        false,
        false,
        false,
        false,
        false,
        Set.of());
  }

  /** The type of activations and of what is not quantized. */
  FloatType activations() {
    return provider.activations(precision);
  }
}
