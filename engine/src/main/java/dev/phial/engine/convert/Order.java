package dev.phial.engine.convert;

import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.targets.MatrixBits;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.layout.Layout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What one target is asked for, with the plan of it.
 *
 * @param findings what a user should know of how its codes were chosen
 */
public record Order(Target target, Request request, Layout layout, List<String> findings) {
  /**
   * Plans it.
   *
   * @throws dev.phial.PhialException.Unsupported if the runtime cannot load such a model
   * @throws dev.phial.PhialException.Usage if options contradict each other
   */
  public static Order of(Target target, Request request) {
    Layout layout = target.plan(request);
    MatrixBits.of(request.options(), MatrixBits.ALL).check(layout.plan());
    return new Order(target, request, layout, List.of());
  }

  Order with(ActivationRanges ranges) {
    return of(target, request.with(ranges));
  }

  /** This order, with codes that have been chosen. */
  Order with(Layout chosen, List<String> newFindings) {
    return new Order(target, request, chosen, newFindings);
  }

  /** What a user should know of the output, a line each. */
  public List<String> caveats() {
    List<String> caveats = new ArrayList<>(target.caveats(request));
    if (request.keeps()) {
      caveats.addAll(asNumbers());
    }
    caveats.addAll(findings);
    return caveats;
  }

  /** What was quantized in a way that has no codes to carry, and came along as numbers. */
  private List<String> asNumbers() {
    List<Weight> weights =
        layout.plan().tensors().stream()
            .filter(tensor -> !tensor.isCopied())
            .filter(tensor -> tensor.format().blockSize() == 1)
            .map(PlannedTensor::weight)
            .filter(weight -> weight.coding().isEmpty() && weight.encoding().blockSize() > 1)
            .toList();
    return weights.isEmpty()
        ? List.of()
        : List.of(
            "--carry kept %s as numbers, since %s has no integers to carry%s"
                .formatted(
                    weights.getFirst().ggufName(),
                    weights.getFirst().encoding().name(),
                    weights.size() > 1 ? "; and %d more".formatted(weights.size() - 1) : ""));
  }

  /** Files that it names, the checkpoint aside. */
  public List<Path> inputs() {
    return target.inputs(request);
  }
}
