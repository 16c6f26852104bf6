package dev.phial.targets.torch;

import dev.phial.PhialException;
import dev.phial.model.ModelDescription;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.Layout;
import java.util.List;
import java.util.Optional;

/**
 * A folder in AutoAWQ's layout for GEMM, which vLLM, SGLang, TGI and, with gptqmodel, transformers
 * load. The layout says nothing of how codes are chosen: that is {@code --method}.
 */
public final class AwqTarget implements Target {
  static final int USUAL_SIZE = 128;

  private static final List<String> SIZES = List.of("32", "64", "128");

  private static final TargetOption GROUP_SIZE =
      TargetOption.value(
          "group-size", String.join("|", SIZES), "weights that share a scale; 128 by default");

  @Override
  public String name() {
    return "awq";
  }

  @Override
  public List<String> precisions() {
    return List.of("4");
  }

  @Override
  public List<TargetOption> options() {
    return List.of(GROUP_SIZE);
  }

  @Override
  public boolean writesFolder() {
    return true;
  }

  @Override
  public List<String> caveats(ModelDescription model) {
    return GroupSizes.caveats(model);
  }

  @Override
  public Layout plan(Request asked) {
    asked.refuse(List.of(GROUP_SIZE.name()));
    Request request = settled(asked);
    AwqScheme scheme = scheme(request);
    return TorchFolder.plan(request, this, Optional.of(scheme), Optional.empty(), scheme.label());
  }

  private static Request settled(Request asked) {
    return asked.settled(coding -> "4");
  }

  private static AwqScheme scheme(Request asked) {
    Request request = settled(asked);
    String bits = request.precision().orElse("4");
    if (!bits.equals("4")) {
      throw new PhialException.Usage("--to awq: expected 4, found " + bits);
    }
    return new AwqScheme(GroupSizes.of(request, GROUP_SIZE, SIZES));
  }

  @Override
  public String defaultName(Request request) {
    return "%s-awq-%s".formatted(request.checkpoint().name(), scheme(request).label());
  }
}
