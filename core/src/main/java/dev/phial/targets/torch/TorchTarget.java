package dev.phial.targets.torch;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.choose.Method;
import dev.phial.model.ModelDescription;
import dev.phial.quant.FloatType;
import dev.phial.quant.TileFloat;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.torch.CompressedScheme.Kind;
import dev.phial.tensor.Coding;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A folder that vLLM, SGLang and transformers load, in the layout of compressed-tensors: {@code
 * torch:w4a16} is llm-compressor's {@code W4A16}; {@code torch:bf16} does not quantize.
 */
public final class TorchTarget implements Target {
  private static final String GROUP_SIZE = "group-size";
  private static final String ASYMMETRIC = "asymmetric";
  private static final String STRATEGY = "strategy";
  private static final String IGNORE = "ignore";
  private static final String USUAL = Kind.W4A16.precision();

  /** Elements that may share a scale, by what is said for it; -1 is a row. */
  private static final List<String> SIZES = List.of("-1", "32", "64", "128");

  private static final Map<String, FloatType> NUMBERS =
      Map.of("fp16", FloatType.F16, "bf16", FloatType.BF16, "fp32", FloatType.F32);

  @Override
  public String name() {
    return "torch";
  }

  @Override
  public List<String> precisions() {
    return Stream.concat(
            Arrays.stream(Kind.values()).map(Kind::precision), Stream.of("fp16", "bf16", "fp32"))
        .toList();
  }

  @Override
  public List<TargetOption> options() {
    return List.of(
        TargetOption.value(
            GROUP_SIZE,
            String.join("|", SIZES),
            "weights of w4a16 and w8a16 that share a scale, -1 for a row; 128 by default"),
        TargetOption.flag(ASYMMETRIC, "w4a16 and w8a16 with zero points"),
        TargetOption.value(
            STRATEGY,
            "channel|block",
            "what shares a scale with fp8: a row, or a square of 128 rows and columns; a row by default"),
        TargetOption.values(
            IGNORE,
            "NAME|re:REGEX",
            "a linear layer to leave as it is, such as model.layers.0.mlp.down_proj or re:.*o_proj; again for more"));
  }

  @Override
  public boolean writesFolder() {
    return true;
  }

  @Override
  public List<String> caveats(Request request) {
    List<String> caveats = new ArrayList<>();
    Optional<CompressedScheme> scheme = scheme(request);
    scheme
        .filter(s -> !s.symmetric())
        .ifPresent(any ->
            caveats.add(
                "vLLM loads zero points; transformers does so with CompressedTensorsConfig(dequantize=True) alone"));
    scheme
        .flatMap(CompressedScheme::inputCodes)
        .ifPresent(codes ->
            caveats.add(
                "the runtime rounds activations as they come, to %s; so does Phial when it measures or runs the folder"
                    .formatted(codes.label())));
    if (request.method() == Method.SEARCH
        && scheme.filter(s -> s.kind() == Kind.NVFP4).isPresent()) {
      caveats.add("--method search knows no scales of nvfp4 and changed nothing; gptq and best do");
    }
    if (request.model().hyperparameters().experts().count() > 0
        && scheme.filter(s -> !loadsExperts(s)).isPresent()) {
      caveats.add("transformers does not load experts of this kind; vLLM was not tried");
    }
    return caveats;
  }

  /** Of what transformers 5 does with compressed-tensors. */
  private static boolean loadsExperts(CompressedScheme scheme) {
    return switch (scheme.kind()) {
      case W4A16, W8A16 -> scheme.symmetric();
      case FP8, MXFP4, MXFP8 -> true;
      case W8A8, NVFP4 -> false;
    };
  }

  @Override
  public Layout plan(Request asked) {
    asked.refuse(List.of(GROUP_SIZE, ASYMMETRIC, STRATEGY, IGNORE));
    Request request = settled(asked);
    String precision = precision(request);
    Optional<CompressedScheme> scheme = scheme(request);
    ModelDescription model = request.model();
    if (model.hyperparameters().experts().count() > 0
        && scheme.filter(s -> s.kind() == Kind.NVFP4).isPresent()) {
      throw new PhialException.Unsupported(
          "%s: expected a model without experts, whose scales transformers misreads with nvfp4, found %d experts; choose torch:mxfp4"
              .formatted(request.checkpoint().path(), model.hyperparameters().experts().count()),
          "transformers misreads experts in nvfp4");
    }
    return TorchFolder.plan(
        request,
        this,
        scheme.map(s -> s),
        Optional.ofNullable(NUMBERS.get(precision)),
        scheme.map(CompressedScheme::label).orElse(precision));
  }

  private static Request settled(Request asked) {
    return asked.settled(coding -> (coding.bits() <= 4 ? Kind.W4A16 : Kind.W8A16).precision());
  }

  private static String precision(Request request) {
    return request.precision().orElse(USUAL);
  }

  /** None where nothing is quantized. */
  private static Optional<CompressedScheme> scheme(Request asked) {
    Request request = settled(asked);
    String precision = precision(request);
    Optional<String> size = request.options().value(GROUP_SIZE);
    boolean isAsymmetric = request.options().has(ASYMMETRIC);
    Optional<Kind> kind =
        Arrays.stream(Kind.values()).filter(k -> k.precision().equals(precision)).findFirst();
    if (kind.isEmpty() && !NUMBERS.containsKey(precision)) {
      throw new PhialException.Usage(
          "--to torch: expected one of %s, found %s"
              .formatted(String.join(", ", new TorchTarget().precisions()), precision));
    }
    size.filter(text -> !SIZES.contains(text))
        .ifPresent(text -> {
          throw new PhialException.Usage(
              "--%s: expected one of %s, found %s"
                  .formatted(GROUP_SIZE, String.join(", ", SIZES), text));
        });
    if (size.isPresent() && kind.filter(Kind::isPacked).isEmpty()) {
      throw new PhialException.Usage(
          "--%s: expected it with torch:w4a16 or torch:w8a16, found torch:%s; omit it"
              .formatted(GROUP_SIZE, precision));
    }
    if (isAsymmetric && kind.filter(Kind::isPacked).isEmpty()) {
      throw new PhialException.Usage(
          "--%s: expected it with torch:w4a16 or torch:w8a16, found torch:%s; omit it"
              .formatted(ASYMMETRIC, precision));
    }
    boolean isTiled = isTiled(request, precision);
    Ignored ignored = Ignored.of(request.options().all(IGNORE));
    if (kind.isEmpty() && !ignored.names().isEmpty()) {
      throw new PhialException.Usage(
          "--%s: expected a precision that quantizes, found torch:%s; omit it"
              .formatted(IGNORE, precision));
    }
    MatrixExtremes extremes = new MatrixExtremes(request.model());
    return kind.map(k -> {
      boolean hasZeros =
          isAsymmetric
              || request.keeps() && request.usualCodingSeen().offset() != Coding.Offset.NONE;
      int elements =
          request.keeps()
              ? Kept.size(request.usualCoding(), List.of(128, 64, 32))
              : isTiled
                  ? TileFloat.SIDE
                  : size.map(Integer::parseInt).map(n -> Math.max(n, 0)).orElse(k.usualSize());
      return new CompressedScheme(k, elements, !hasZeros, ignored, extremes::divisor);
    });
  }

  /** Whether squares share a scale; nothing chooses codes for those but rounding. */
  private static boolean isTiled(Request request, String precision) {
    Optional<String> strategy = request.options().value(STRATEGY);
    strategy
        .filter(text -> !List.of("channel", "block").contains(text))
        .ifPresent(text -> {
          throw new PhialException.Usage(
              "--%s: expected channel or block, found %s".formatted(STRATEGY, text));
        });
    if (strategy.isPresent() && !precision.equals(Kind.FP8.precision())) {
      throw new PhialException.Usage(
          "--%s: expected it with torch:fp8, found torch:%s; omit it"
              .formatted(STRATEGY, precision));
    }
    boolean isTiled = strategy.filter("block"::equals).isPresent();
    if (isTiled && request.method() != Method.REFERENCE) {
      throw new PhialException.Usage(
          "--method: expected reference with --%s block, whose scales many rows share; omit one of them"
              .formatted(STRATEGY));
    }
    return isTiled;
  }

  @Override
  public String command(String path, Request request) {
    return "vllm serve " + path;
  }

  @Override
  public String defaultName(Request request) {
    return "%s-torch-%s"
        .formatted(
            request.checkpoint().name(),
            scheme(request).map(CompressedScheme::label).orElseGet(() -> precision(request)));
  }
}
