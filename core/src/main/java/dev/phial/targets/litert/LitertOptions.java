package dev.phial.targets.litert;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.model.Hyperparameters;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.InputCodes;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.TargetOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What was asked for.
 *
 * @param blockSize elements that share a scale with four bits; -1 for a whole row
 * @param embedding precision of the embedding
 * @param head precision of the output matrix
 * @param context tokens that the cache of keys and values holds
 * @param prefill how many tokens are read at once, the largest first
 * @param pure whether everything is as Google's quantizer makes it
 * @param bundle whether the model goes into a {@code .litertlm} with its tokenizer
 */
record LitertOptions(
    Precision precision,
    int blockSize,
    Precision embedding,
    Precision head,
    int context,
    List<Integer> prefill,
    boolean pure,
    boolean bundle,
    boolean keeps) {
  private static final int USUAL_BLOCK = 32;
  private static final int USUAL_CONTEXT = 4096;
  private static final List<Integer> USUAL_PREFILL = List.of(128, 8);

  private static final String BLOCK_SIZE = "block-size";
  private static final String EMBEDDING = "embedding";
  private static final String HEAD = "head";
  private static final String CONTEXT = "context";
  private static final String PREFILL = "prefill";
  private static final String PURE = "pure";
  private static final String NO_BUNDLE = "no-bundle";

  private static final List<TargetOption> OWN =
      List.of(
          TargetOption.value(
              BLOCK_SIZE,
              "32|64|128|256|-1",
              "Weights that share a scale with four bits, 32 by default; -1 for a whole row."),
          TargetOption.value(
              EMBEDDING,
              "PRECISION",
              "Of the embedding; int8 by default where the rest has four bits."),
          TargetOption.value(HEAD, "PRECISION", "Of the output matrix; as the embedding."),
          TargetOption.value(
              CONTEXT,
              "N",
              "Tokens that fit, prompt and answer; 4096 by default, or what the model has if that is less."),
          TargetOption.value(
              PREFILL, "N,N", "How many tokens of a prompt are read at once; 128,8 by default."),
          TargetOption.flag(
              PURE,
              "As Google's quantizer does it: its scales, and the embedding and output matrix as the rest."),
          TargetOption.flag(
              NO_BUNDLE, "Write model.tflite alone instead of model.litertlm with the tokenizer."));

  /** Those of the ranges are for w8a8. */
  static final List<TargetOption> ALL =
      Stream.of(OWN, CalibrationOptions.ALL).flatMap(List::stream).toList();

  static LitertOptions of(Request asked) {
    asked.refuse(List.of(BLOCK_SIZE, EMBEDDING, HEAD, PURE));
    Request request =
        asked.settled(coding -> (coding.bits() <= 4 ? Precision.INT4 : Precision.INT8).label());
    Options options = request.options();
    Precision precision =
        Precision.named(request.precision().orElse(Precision.INT4.label()), "litert");
    if (options.has(BLOCK_SIZE) && precision != Precision.INT4) {
      throw new PhialException.Usage(
          "--%s: expected litert:int4, found litert:%s".formatted(BLOCK_SIZE, precision.label()));
    }
    boolean isStatic = precision == Precision.W8A8;
    CalibrationOptions.ALL.stream()
        .map(TargetOption::name)
        .filter(name -> options.has(name) && !isStatic)
        .findFirst()
        .ifPresent(name -> {
          throw new PhialException.Usage(
              "--%s: expected litert:w8a8, whose codes of activations are chosen beforehand, found litert:%s"
                  .formatted(name, precision.label()));
        });
    boolean pure = options.has(PURE);
    Precision usual = precision == Precision.INT4 && !pure ? Precision.INT8 : precision;
    Hyperparameters h = request.model().hyperparameters();
    boolean areOne = h.tied() && !isStatic;
    int context = context(options, h);
    return new LitertOptions(
        precision,
        blockSize(options),
        precision(
            options,
            areOne ? List.of(EMBEDDING, HEAD) : List.of(EMBEDDING),
            Precision.OF_EMBEDDING,
            usual.stored()),
        precision(
            options,
            areOne ? List.of(HEAD, EMBEDDING) : List.of(HEAD),
            isStatic ? Precision.BESIDE_STATIC : Precision.OF_EMBEDDING,
            usual),
        context,
        prefill(options, context),
        pure,
        !options.has(NO_BUNDLE),
        request.keeps());
  }

  /**
   * What runtimes round: what flows into products of integers.
   *
   * @param known codes that do not depend on what comes
   */
  RoundedActivations rounded(Map<ActivationPlace, ActivationCodes> known) {
    if (precision == Precision.W8A8) {
      return RoundedActivations.at(known);
    }
    boolean hasIntegers =
        keeps || Stream.of(precision, embedding, head).anyMatch(Precision::roundsAsItComes);
    return hasIntegers ? RoundedActivations.of(InputCodes.QD8) : RoundedActivations.NONE;
  }

  /** How codes are chosen where nothing else was asked for. */
  Method method(Request request) {
    return request.method() == Method.REFERENCE && precision == Precision.INT4 && !pure
        ? Method.SEARCH
        : request.method();
  }

  /** The first of some options that was given. */
  private static Precision precision(
      Options options, List<String> names, List<Precision> among, Precision usual) {
    return names.stream()
        .filter(options::has)
        .findFirst()
        .map(name -> Precision.named(options.value(name).orElse(""), "--" + name, among))
        .orElse(usual);
  }

  private static int blockSize(Options options) {
    String text = options.value(BLOCK_SIZE).orElse(Integer.toString(USUAL_BLOCK));
    if (!text.matches("-1|32|64|128|256")) {
      throw new PhialException.Usage(
          "--%s: expected 32, 64, 128 or 256, whose kernels are fast, or -1, found %s"
              .formatted(BLOCK_SIZE, text));
    }
    return Integer.parseInt(text);
  }

  private static int context(Options options, Hyperparameters h) {
    String text =
        options
            .value(CONTEXT)
            .orElseGet(() -> Integer.toString(Math.min(h.context(), USUAL_CONTEXT)));
    if (!text.matches("[1-9]\\d{0,7}") || Integer.parseInt(text) > h.context()) {
      throw new PhialException.Usage(
          "--%s: expected a number of tokens up to %d, which the model has, found %s"
              .formatted(CONTEXT, h.context(), text));
    }
    return Integer.parseInt(text);
  }

  private static List<Integer> prefill(Options options, int context) {
    if (!options.has(PREFILL)) {
      List<Integer> fitting = USUAL_PREFILL.stream().filter(size -> size <= context).toList();
      return fitting.isEmpty() ? List.of(context) : fitting;
    }
    String text = options.value(PREFILL).orElse("");
    if (!text.matches("[1-9]\\d{0,6}(,[1-9]\\d{0,6}){0,7}")) {
      throw new PhialException.Usage(
          "--%s: expected up to eight numbers of tokens, found %s".formatted(PREFILL, text));
    }
    List<Integer> sizes =
        Arrays.stream(text.split(","))
            .map(Integer::valueOf)
            .distinct()
            .sorted((a, b) -> b - a)
            .toList();
    if (sizes.getFirst() > context) {
      throw new PhialException.Usage(
          "--%s: expected at most %d tokens, which is the context, found %d"
              .formatted(PREFILL, context, sizes.getFirst()));
    }
    return sizes;
  }

  /** For a summary: what was chosen, and what is usual; nothing of plain numbers. */
  String words() {
    if (keeps) {
      return "codes as they came, context %d".formatted(context);
    }
    String scales =
        precision != Precision.INT4
            ? ""
            : blockSize == -1 ? "a scale a row, " : "blocks of %d, ".formatted(blockSize);
    return "%sembedding %s, context %d".formatted(scales, embedding.label(), context);
  }

  /** For the name of an output: precision, and what differs from the usual. */
  String label() {
    StringBuilder label = new StringBuilder(precision.label());
    if (blockSize != USUAL_BLOCK) {
      label.append(blockSize == -1 ? "-channel" : "-b" + blockSize);
    }
    if (pure) {
      label.append("-pure");
    }
    return label.toString();
  }
}
