package dev.phial.targets.mlx;

import static dev.phial.model.Role.ATTENTION_K;
import static dev.phial.model.Role.ATTENTION_NORM;
import static dev.phial.model.Role.ATTENTION_OUTPUT;
import static dev.phial.model.Role.ATTENTION_Q;
import static dev.phial.model.Role.ATTENTION_QKV;
import static dev.phial.model.Role.ATTENTION_V;
import static dev.phial.model.Role.EXPERT_DOWN;
import static dev.phial.model.Role.EXPERT_GATE;
import static dev.phial.model.Role.EXPERT_UP;
import static dev.phial.model.Role.FFN_DOWN;
import static dev.phial.model.Role.FFN_GATE_UP;
import static dev.phial.model.Role.FFN_NORM;
import static dev.phial.model.Role.FFN_UP;
import static dev.phial.model.Role.OUTPUT;
import static dev.phial.model.Role.OUTPUT_NORM;
import static dev.phial.model.Role.ROUTER;
import static dev.phial.model.Role.TOKEN_EMBEDDING;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The implementations of mlx_lm (its {@code models} folder) that run Phi models. */
enum MlxArchitecture {
  PHI(
      "phi2",
      "phi",
      false,
      List.of(
          ATTENTION_Q,
          ATTENTION_K,
          ATTENTION_V,
          ATTENTION_OUTPUT,
          ATTENTION_NORM,
          FFN_UP,
          FFN_DOWN),
      EnumSet.of(
          ATTENTION_Q,
          ATTENTION_K,
          ATTENTION_V,
          ATTENTION_OUTPUT,
          ATTENTION_NORM,
          FFN_UP,
          FFN_DOWN,
          OUTPUT_NORM,
          OUTPUT)),
  PHI3(
      "phi3",
      "phi3",
      true,
      List.of(ATTENTION_QKV, ATTENTION_OUTPUT, FFN_GATE_UP, FFN_DOWN, ATTENTION_NORM, FFN_NORM),
      EnumSet.noneOf(Role.class)),
  PHI3SMALL(
      "phi3small",
      "phi3small",
      true,
      List.of(ATTENTION_QKV, ATTENTION_OUTPUT, FFN_GATE_UP, FFN_DOWN, ATTENTION_NORM, FFN_NORM),
      EnumSet.of(
          ATTENTION_QKV,
          ATTENTION_OUTPUT,
          FFN_GATE_UP,
          FFN_DOWN,
          ATTENTION_NORM,
          FFN_NORM,
          OUTPUT_NORM)),
  PHIMOE(
      "phimoe",
      "phimoe",
      false,
      List.of(
          ATTENTION_Q,
          ATTENTION_K,
          ATTENTION_V,
          ATTENTION_OUTPUT,
          ROUTER,
          EXPERT_GATE,
          EXPERT_UP,
          EXPERT_DOWN,
          ATTENTION_NORM,
          FFN_NORM),
      EnumSet.of(
          ATTENTION_Q,
          ATTENTION_K,
          ATTENTION_V,
          ATTENTION_OUTPUT,
          ATTENTION_NORM,
          FFN_NORM,
          OUTPUT_NORM,
          OUTPUT));

  private final String family;
  private final String modelType;
  private final boolean mayTie;
  private final List<Role> layer;
  private final Set<Role> biased;

  /**
   * @param mayTie whether it can use the embedding as output matrix
   * @param layer the parameters of a layer in the order in which mlx_lm saves them
   * @param biased those that have a bias, and must
   */
  MlxArchitecture(
      String family, String modelType, boolean mayTie, List<Role> layer, Set<Role> biased) {
    this.family = family;
    this.modelType = modelType;
    this.mayTie = mayTie;
    this.layer = layer;
    this.biased = biased;
  }

  /**
   * @throws PhialException.Unsupported if mlx_lm could not load the model
   */
  static MlxArchitecture of(ModelDescription model, String path) {
    MlxArchitecture architecture =
        Arrays.stream(values())
            .filter(a -> a.family.equals(model.family().name()))
            .findFirst()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s: mlx_lm has no runtime for %s models, so there is nothing to write for it"
                        .formatted(path, model.family().name()),
                    "mlx_lm has no runtime for this family"));
    Hyperparameters h = model.hyperparameters();
    if (!h.sharesWidth()) {
      throw new PhialException.Unsupported(
          "%s: mlx_lm takes heads of hidden / heads (%d) dimensions, those of this model have %d: the folder would not load; use --to onnx or openvino"
              .formatted(path, h.hidden() / h.attention().heads(), h.attention().headSize()),
          "mlx_lm takes heads of hidden / heads; the folder would not load");
    }
    if (h.tied() && !architecture.mayTie) {
      throw new PhialException.Unsupported(
          "%s: mlx_lm expects an output matrix in %s models, found tied embeddings"
              .formatted(path, architecture.family));
    }
    return architecture;
  }

  /** {@code model_type} of config.json, the name of a file in mlx_lm. */
  String modelType() {
    return modelType;
  }

  /**
   * The parameters in the order in which mlx_lm saves them: by layer, and within it as its classes
   * declare them.
   *
   * @throws PhialException.Unsupported if biases are missing that mlx_lm expects, or there that it
   *     does not
   */
  List<Weight> ordered(ModelDescription model, String path) {
    List<Weight> weights = new ArrayList<>();
    for (Weight weight : model.weights()) {
      if (weight.role() == OUTPUT && model.hyperparameters().tied()) {
        continue; // the embedding does its work
      }
      if (weight.part() == Part.BIAS && !biased.contains(weight.role())) {
        throw new PhialException.Unsupported(
            "%s: tensor %s: expected no such bias, since mlx_lm has no place for it, found one"
                .formatted(path, weight.mlxName()));
      }
      weights.add(weight);
    }
    for (Weight weight : weights) {
      if (weight.part() == Part.WEIGHT
          && biased.contains(weight.role())
          && weights.stream().noneMatch(bias -> isBiasOf(bias, weight))) {
        throw new PhialException.Unsupported(
            "%s: tensor %s: expected a bias beside it, without which mlx_lm does not load %s models, found none"
                .formatted(path, weight.mlxName(), family));
      }
    }
    weights.sort(
        Comparator.comparingInt(MlxArchitecture::section)
            .thenComparingInt(Weight::layer)
            .thenComparingInt(weight -> layer.indexOf(weight.role()))
            .thenComparing(Weight::part));
    return weights;
  }

  private static boolean isBiasOf(Weight bias, Weight weight) {
    return bias.part() == Part.BIAS
        && bias.role() == weight.role()
        && bias.layer() == weight.layer();
  }

  private static int section(Weight weight) {
    return weight.role() == TOKEN_EMBEDDING
        ? 0
        : weight.role() == OUTPUT_NORM ? 2 : weight.role() == OUTPUT ? 3 : 1;
  }
}
