package dev.phial.engine.advise;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A runtime on one part of a device.
 *
 * @param target whose files it loads
 * @param unit {@code cpu}, {@code gpu}, {@code npu}, or {@code any} where nobody said
 * @param options of the target that files for this part need, a flag with an empty value
 * @param precisions that this part takes; empty where it takes all
 * @param cacheBits of a number in the key-value cache
 * @param note what a user should know of it; may be empty
 * @param source where that was read
 */
public record Use(
    String target,
    String unit,
    Map<String, String> options,
    List<String> precisions,
    int cacheBits,
    String note,
    String source,
    RuntimeTraits runtime) {
  public Use {
    options = Map.copyOf(options);
    precisions = List.copyOf(precisions);
  }

  boolean takes(String precision) {
    return precisions.isEmpty() || precisions.contains(precision);
  }

  /** What follows the precision in {@code --to}: {@code ,ep=cuda}. */
  public String suffix() {
    return options.entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(option ->
            "," + option.getKey() + (option.getValue().isEmpty() ? "" : "=" + option.getValue()))
        .collect(Collectors.joining());
  }
}
