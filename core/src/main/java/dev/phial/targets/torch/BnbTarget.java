package dev.phial.targets.torch;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.model.ModelDescription;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.torch.BnbScheme.Kind;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** A folder in the layout of bitsandbytes, which transformers loads. */
public final class BnbTarget implements Target {
  @Override
  public String name() {
    return "bnb";
  }

  @Override
  public List<String> precisions() {
    return Arrays.stream(Kind.values()).map(Kind::precision).toList();
  }

  @Override
  public List<TargetOption> options() {
    return List.of();
  }

  @Override
  public boolean writesFolder() {
    return true;
  }

  @Override
  public List<String> caveats(ModelDescription model) {
    return List.of(
        "transformers needs the package bitsandbytes to load it; vLLM and SGLang do not load it");
  }

  @Override
  public Layout plan(Request request) {
    Kind kind = kind(request);
    if (request.keeps()) {
      throw new PhialException.Unsupported(
          "--carry: expected a target that holds integers with any scales, found bnb; omit it, or choose torch or gptq");
    }
    if (kind == Kind.INT8 && request.method() != Method.REFERENCE) {
      throw new PhialException.Usage(
          "--method: expected reference with bnb:int8, whose scales are what they are, found %s; omit it"
              .formatted(request.method().label()));
    }
    if (request.model().hyperparameters().experts().count() > 0) {
      throw new PhialException.Unsupported(
          "%s: expected a model without experts, whose stacks transformers does not load with bitsandbytes, found %d experts; choose torch:w4a16"
              .formatted(
                  request.checkpoint().path(), request.model().hyperparameters().experts().count()),
          "transformers loads no experts of bitsandbytes");
    }
    return TorchFolder.plan(
        request, this, Optional.of(new BnbScheme(kind)), Optional.empty(), kind.precision());
  }

  private Kind kind(Request request) {
    String precision = request.precision().orElse(Kind.NF4.precision());
    return Arrays.stream(Kind.values())
        .filter(kind -> kind.precision().equals(precision))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "--to bnb: expected one of %s, found %s"
                    .formatted(String.join(", ", precisions()), precision)));
  }

  @Override
  public String command(String path, Request request) {
    return "transformers serve " + path;
  }

  @Override
  public String defaultName(Request request) {
    return "%s-bnb-%s".formatted(request.checkpoint().name(), kind(request).precision());
  }
}
