package dev.phial.targets.torch;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.model.ModelDescription;
import dev.phial.targets.Request;
import dev.phial.targets.TargetOption;
import java.util.List;
import java.util.Optional;

/** How many weights share a scale. */
final class GroupSizes {
  private GroupSizes() {}

  /** What a user of GPTQ's and AWQ's layouts should know. */
  static List<String> caveats(ModelDescription model) {
    String loader = "transformers needs the package gptqmodel to load it; vLLM and SGLang do not";
    return model.hyperparameters().experts() == 0
        ? List.of(loader)
        : List.of(loader, "no runtime was tried with experts in this layout");
  }

  /**
   * What an option says, or what codes that are carried have; the largest by default.
   *
   * @param known ascending
   * @throws PhialException.Usage if the option says anything else
   */
  static int of(Request request, TargetOption option, List<String> known) {
    List<Integer> sizes = known.stream().map(Integer::valueOf).toList();
    if (request.keeps()) {
      return Kept.size(request.usualCoding(), sizes.reversed());
    }
    Optional<String> said = request.options().value(option.name());
    said.filter(text -> !known.contains(text))
        .ifPresent(text -> {
          throw new PhialException.Usage(
              "--%s: expected one of %s, found %s"
                  .formatted(option.name(), String.join(", ", known), text));
        });
    return said.map(Integer::valueOf).orElse(sizes.getLast());
  }
}
