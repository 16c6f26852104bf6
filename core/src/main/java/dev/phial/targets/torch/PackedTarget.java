package dev.phial.targets.torch;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.model.ModelDescription;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.Layout;
import java.util.List;
import java.util.Optional;

/**
 * A folder in a layout whose words hold codes of several rows, which vLLM, SGLang, TGI and, with
 * gptqmodel, transformers load. The layout says nothing of how codes are chosen: that is {@code
 * --method}.
 */
public abstract sealed class PackedTarget implements Target permits GptqTarget, AwqTarget {
  static final int USUAL_SIZE = 128;

  /** Elements that may share a scale, ascending. */
  private static final List<String> SIZES = List.of("32", "64", "128");

  private static final TargetOption GROUP_SIZE =
      TargetOption.value(
          "group-size", String.join("|", SIZES), "weights that share a scale; 128 by default");

  /** The precision for codes that come as they are. */
  abstract String precision(int bits);

  abstract Scheme scheme(int bits, int size);

  @Override
  public final List<TargetOption> options() {
    return List.of(GROUP_SIZE);
  }

  @Override
  public final boolean writesFolder() {
    return true;
  }

  @Override
  public final List<String> caveats(ModelDescription model) {
    String loader = "transformers needs the package gptqmodel to load it; vLLM and SGLang do not";
    return model.hyperparameters().experts().count() == 0
        ? List.of(loader)
        : List.of(loader, "no runtime was tried with experts in this layout");
  }

  @Override
  public final Layout plan(Request asked) {
    asked.refuse(List.of(GROUP_SIZE.name()));
    Request request = settled(asked);
    Scheme scheme = scheme(request);
    return TorchFolder.plan(request, this, Optional.of(scheme), Optional.empty(), scheme.label());
  }

  private Request settled(Request asked) {
    return asked.settled(coding -> precision(coding.bits()));
  }

  /** Of a request that is settled. */
  private Scheme scheme(Request request) {
    String bits = request.precision().orElse(precisions().getFirst());
    if (!precisions().contains(bits)) {
      throw new PhialException.Usage(
          "--to %s: expected %s%s, found %s"
              .formatted(
                  name(),
                  precisions().size() == 1 ? "" : "one of ",
                  String.join(", ", precisions()),
                  bits));
    }
    return scheme(Integer.parseInt(bits), size(request));
  }

  /** What the option says, or what codes that are carried have; the largest by default. */
  private static int size(Request request) {
    List<Integer> sizes = SIZES.stream().map(Integer::valueOf).toList();
    if (request.keeps()) {
      return Kept.size(request.usualCoding(), sizes.reversed());
    }
    Optional<String> said = request.options().value(GROUP_SIZE.name());
    said.filter(text -> !SIZES.contains(text))
        .ifPresent(text -> {
          throw new PhialException.Usage(
              "--%s: expected one of %s, found %s"
                  .formatted(GROUP_SIZE.name(), String.join(", ", SIZES), text));
        });
    return said.map(Integer::valueOf).orElse(USUAL_SIZE);
  }

  @Override
  public final String command(String path, Request request) {
    return "vllm serve " + path;
  }

  @Override
  public final String defaultName(Request request) {
    return "%s-%s-%s"
        .formatted(request.checkpoint().name(), name(), scheme(settled(request)).label());
  }
}
