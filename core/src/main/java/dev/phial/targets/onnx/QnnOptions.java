package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.TargetOption;
import java.util.List;

/**
 * What was asked for with {@code --ep qnn}.
 *
 * @param precision of the weights
 * @param activationBits 8 or 16
 * @param prompt tokens that the prompt graph takes at once
 * @param context tokens that attention sees, those of the graph included
 * @param upgradesHead whether the output matrix has 8 bits in any case
 */
record QnnOptions(
    Precision precision, int activationBits, int prompt, int context, boolean upgradesHead) {
  static final String LABEL = "qnn";

  /** Beyond this the cache and the mask grow out of what a phone's accelerator holds. */
  private static final int USUAL_CONTEXT = 4096;

  private static final int LONGEST_CONTEXT = 32768;
  private static final int USUAL_PROMPT = 128;

  /** Elements of the table that masks what comes later, which lies in the graph. */
  private static final int LARGEST_MASK = 1 << 26;

  static final List<TargetOption> ALL =
      List.of(
          TargetOption.value(
              "activations", "TYPE", "With --ep qnn: uint16 (default) or uint8 between operators."),
          TargetOption.value(
              "prompt-length",
              "N",
              "With --ep qnn: tokens that the prompt graph takes at once (default 128)."),
          TargetOption.value(
              "context-length",
              "N",
              "With --ep qnn: tokens that both graphs are made for (default 4096, or what the model has)."));

  /** Options of other providers that mean something here. */
  private static final List<String> SHARED = List.of("ep", "mixed");

  static boolean isAsked(Request request) {
    return request.options().value("ep").filter(LABEL::equals).isPresent();
  }

  /**
   * @throws PhialException.Usage if another provider was asked for options of this one
   */
  static void refuse(Options options) {
    for (TargetOption option : ALL) {
      if (options.has(option.name())) {
        throw new PhialException.Usage(
            "--%s: expected --ep qnn, whose graphs have fixed shapes and integers between operators, found another provider"
                .formatted(option.name()));
      }
    }
  }

  static QnnOptions of(Request request) {
    Options options = request.options();
    if (request.keeps()) {
      throw new PhialException.Usage(
          "--carry: --ep qnn has one scale for each output of a matrix, which no codes come with; omit one of them");
    }
    Precision precision = Precision.named(request.precision().orElse(Precision.INT4.label()));
    if (precision != Precision.INT4 && precision != Precision.INT8) {
      throw new PhialException.Unsupported(
          "--ep qnn: expected int4 or int8, which the accelerator computes with, found "
              + precision.label());
    }
    for (TargetOption option : OnnxOptions.OTHER_PROVIDERS) {
      if (options.has(option.name()) && !SHARED.contains(option.name())) {
        throw new PhialException.Usage(
            "--%s is not for --ep qnn, whose weights have one scale for each output and no zero points; omit it"
                .formatted(option.name()));
      }
    }
    Hyperparameters h = request.model().hyperparameters();
    int context =
        OnnxOptions.number(options, "context-length", Math.min(USUAL_CONTEXT, h.context()));
    int prompt =
        OnnxOptions.number(options, "prompt-length", Math.clamp(context / 2, 2, USUAL_PROMPT));
    if (context > h.context() || context > LONGEST_CONTEXT) {
      throw new PhialException.Usage(
          "--context-length: expected at most %d, found %d"
              .formatted(Math.min(h.context(), LONGEST_CONTEXT), context));
    }
    if (prompt < 2 || 2 * prompt > context) {
      throw new PhialException.Usage(
          "--prompt-length: expected 2 to %d, half of the context, found %d"
              .formatted(context / 2, prompt));
    }
    if ((long) prompt * context > LARGEST_MASK) {
      throw new PhialException.Usage(
          "--prompt-length: expected at most %d with a context of %d, found %d"
              .formatted(LARGEST_MASK / context, context, prompt));
    }
    return new QnnOptions(
        precision, activationBits(options), prompt, context, upgradesHead(options, precision));
  }

  private static int activationBits(Options options) {
    return switch (options.value("activations").orElse("uint16")) {
      case "uint16" -> 16;
      case "uint8" -> 8;
      case String other ->
          throw new PhialException.Usage("--activations: expected uint16 or uint8, found " + other);
    };
  }

  private static boolean upgradesHead(Options options, Precision precision) {
    for (String which : options.all("mixed")) {
      if (!which.equals(OnnxOptions.LAST_MATMUL)) {
        throw new PhialException.Usage(
            "--mixed: expected %s with --ep qnn, found %s"
                .formatted(OnnxOptions.LAST_MATMUL, which));
      }
    }
    return precision == Precision.INT8 || options.has("mixed");
  }

  /** Of the weights of a matrix. */
  int bits(boolean isHead) {
    return isHead && upgradesHead ? Byte.SIZE : precision.bits();
  }

  String label() {
    return "%s, uint%d activations".formatted(precision.label(), activationBits);
  }
}
