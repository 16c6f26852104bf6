package dev.phial.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.model.Family;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.TensorName;
import dev.phial.model.Weight;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.source.Config;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What becomes of every matrix of the published models, and of some that are awkward on purpose, is
 * what llama-quantize decides. {@code tools/make-mixture-snapshots.py} asks it.
 */
final class MixtureTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "phi-2",
        "phi-3-mini",
        "phi-3-medium",
        "phi-3.5-moe",
        "phi-4",
        "phi-4-mini",
        "awkward",
        "awkward-tied",
        "eight-experts",
        "two-experts"
      })
  void decidesLikeLlamaQuantize(String model) throws IOException {
    String snapshot = snapshot(model);
    String config = snapshot.lines().findFirst().orElseThrow();
    assertThat(config + "\n" + decisions(new Config(Path.of(model), Json.MAPPER.readTree(config))))
        .isEqualTo(snapshot);
  }

  private static String snapshot(String model) throws IOException {
    try (InputStream in = MixtureTest.class.getResourceAsStream(model + ".txt")) {
      assertThat(in).isNotNull();
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String decisions(Config config) {
    String architecture = config.json().get("architectures").get(0).asString();
    Family family =
        Families.ALL.stream()
            .filter(f -> f.architectures().contains(architecture))
            .findFirst()
            .orElseThrow();
    Hyperparameters model = family.hyperparameters(config);
    List<Weight> matrices = matrices(family, model);
    StringBuilder result = new StringBuilder();
    for (Recipe recipe : Recipe.values()) {
      String without = decisions(recipe, model, matrices, false);
      String with = decisions(recipe, model, matrices, true);
      result.append("\n").append(recipe).append("\n").append(without);
      if (!with.equals(without)) {
        result.append("\n").append(recipe).append(" with an importance matrix\n").append(with);
      }
    }
    return result.toString();
  }

  /** In the order in which llama-quantize sees them. */
  private static List<Weight> matrices(Family family, Hyperparameters model) {
    List<Weight> matrices = new ArrayList<>();
    for (TensorName name : family.names()) {
      if (name.shape().apply(model).rank() < 2 || name.role() == Role.OUTPUT && model.tied()) {
        continue;
      }
      int layers = name.isPerLayer() ? model.layers() : 1;
      for (int i = 0; i < layers; i++) {
        int layer = name.isPerLayer() ? i : -1;
        matrices.add(new Weight(name, layer, Part.WEIGHT, name.shape().apply(model), List.of()));
      }
    }
    matrices.sort(Comparator.comparingInt(Weight::layer).thenComparing(Weight::ggufName));
    return matrices;
  }

  private static String decisions(
      Recipe recipe, Hyperparameters model, List<Weight> matrices, boolean importance) {
    Mixture mixture = new Mixture(recipe, Mixture.Wishes.NONE, model, importance, matrices);
    Map<String, SequencedMap<String, List<Integer>>> kinds = new TreeMap<>();
    boolean needsImportance = false;
    try {
      for (Weight weight : matrices) {
        GgmlFormat format = mixture.choose(weight.ggufName(), weight.layer(), weight, Formats.F16);
        needsImportance |= !importance && mixture.requiresImportance(weight, format);
        kinds
            .computeIfAbsent(kind(weight), k -> new TreeMap<>())
            .computeIfAbsent(format.name(), f -> new ArrayList<>())
            .add(weight.layer());
      }
    } catch (PhialException.Unsupported e) {
      return "  refused\n";
    }
    Map<String, String> groups = new TreeMap<>();
    kinds.forEach((kind, types) -> groups.merge(types(types), kind, (a, b) -> a + " " + b));
    return (needsImportance ? "  needs an importance matrix\n" : "")
        + groups.entrySet().stream()
            .map(group -> "  %s: %s\n".formatted(group.getKey(), group.getValue()))
            .collect(Collectors.joining());
  }

  /** {@code blk.3.attn_q.weight} → {@code attn_q} */
  private static String kind(Weight weight) {
    return weight.ggufName().replaceFirst("^blk\\.\\d+\\.", "").replaceFirst("\\.weight$", "");
  }

  private static String types(SequencedMap<String, List<Integer>> layersOfType) {
    if (layersOfType.size() == 1) {
      return layersOfType.firstEntry().getKey();
    }
    return layersOfType.entrySet().stream()
        .map(entry -> entry.getKey() + " " + ranges(entry.getValue()))
        .collect(Collectors.joining(", "));
  }

  /** {@code [0, 1, 2, 5]} → {@code 0-2 5} */
  private static String ranges(List<Integer> layers) {
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      int first = layers.get(i);
      while (i + 1 < layers.size() && layers.get(i + 1) == layers.get(i) + 1) {
        i++;
      }
      parts.add(first == layers.get(i) ? "" + first : first + "-" + layers.get(i));
    }
    return String.join(" ", parts);
  }
}
