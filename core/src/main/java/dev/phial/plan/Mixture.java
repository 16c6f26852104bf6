package dev.phial.plan;

import dev.phial.model.Hyperparameters;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.tensor.Shape;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Chooses the type of every tensor of a GGUF file: llama-quantize's rules ({@code
 * llama_tensor_get_type} and {@code llama_tensor_get_type_impl} of {@code llama-quant.cpp}) for the
 * tensors that Phi models have. Some rules count the tensors of a kind seen so far, so {@link
 * #choose} must be asked in the order of the file, once a tensor.
 *
 * <p>One oddity is llama.cpp's own and kept: a fused qkv matrix is treated as the value matrix that
 * it holds.
 */
public final class Mixture {
  /**
   * What the user asked for beyond the recipe.
   *
   * @param pure no departures from the base type
   * @param keepOutput leave the output matrix as it is
   * @param byName the type of every tensor whose name has a match, first come first served
   */
  public record Wishes(
      boolean pure,
      boolean keepOutput,
      Optional<GgmlFormat> output,
      Optional<GgmlFormat> embedding,
      List<Map.Entry<Pattern, GgmlFormat>> byName) {
    public static final Wishes NONE =
        new Wishes(false, false, Optional.empty(), Optional.empty(), List.of());
  }

  private final Recipe recipe;
  private final Wishes wishes;
  private final Hyperparameters model;
  private final boolean importance;
  private final boolean tied;
  private final int values; // tensors that count as value matrices
  private final Map<Role, Integer> seen = new EnumMap<>(Role.class);
  private int valuesSeen;

  /**
   * @param importance whether there is an importance matrix
   * @param weights all that will be written
   */
  public Mixture(
      Recipe recipe,
      Wishes wishes,
      Hyperparameters model,
      boolean importance,
      List<Weight> weights) {
    this.recipe = recipe;
    this.wishes = wishes;
    this.model = model;
    this.importance = importance;
    this.tied =
        weights.stream()
            .noneMatch(weight -> weight.role() == Role.OUTPUT && weight.part() == Part.WEIGHT);
    this.values =
        (int)
            weights.stream()
                .filter(weight -> isValue(weight.role()) && weight.part() == Part.WEIGHT)
                .count();
  }

  /**
   * Whether the type of a tensor is open to choice: matrices are, norms, biases and routers are
   * not.
   */
  public static boolean isQuantizable(Weight weight) {
    return weight.part() == Part.WEIGHT
        && effectiveRank(weight.shape()) >= 2
        && weight.role() != Role.ROUTER
        && weight.role() != Role.ROPE_FACTORS_LONG
        && weight.role() != Role.ROPE_FACTORS_SHORT;
  }

  /** ggml does not count outer dimensions of 1. */
  private static int effectiveRank(Shape shape) {
    int rank = shape.rank();
    while (rank > 1 && shape.dimensions().get(shape.rank() - rank) == 1) {
      rank--;
    }
    return rank;
  }

  /** Whether a tensor in this type comes out as garbage without an importance matrix. */
  public boolean requiresImportance(Weight weight, Format format) {
    if (weight.role() == Role.TOKEN_EMBEDDING || weight.role() == Role.OUTPUT) {
      return false;
    }
    return Set.of("IQ3_XXS", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ1_M", "IQ1_S").contains(format.name())
        || format == Formats.Q2_K && recipe == Recipe.Q2_K_S;
  }

  /**
   * The type of the next tensor of the file.
   *
   * @param name in the file
   * @param current the type it keeps if nothing speaks for another
   */
  public GgmlFormat choose(String name, Weight weight, GgmlFormat current) {
    if (!isQuantizable(weight) || weight.role() == Role.OUTPUT && wishes.keepOutput) {
      return current;
    }
    if (weight.role() == Role.TOKEN_EMBEDDING && wishes.embedding.isPresent()) {
      return wishes.embedding.get();
    }
    if (weight.role() == Role.OUTPUT && wishes.output.isPresent()) {
      return wishes.output.get();
    }
    GgmlFormat base = recipe.base();
    if (base.blockSize() == 1) {
      return base;
    }
    Optional<GgmlFormat> wish =
        wishes.byName.stream()
            .filter(rule -> rule.getKey().matcher(name).find())
            .map(Map.Entry::getValue)
            .findFirst();
    GgmlFormat chosen = wish.orElseGet(() -> wishes.pure ? base : mix(weight, base));
    return fitting(chosen, weight.shape().columns());
  }

  /** Another type where the rows do not divide into blocks. */
  private static GgmlFormat fitting(GgmlFormat format, long columns) {
    if (columns % format.blockSize() == 0) {
      return format;
    }
    GgmlFormat smaller =
        switch (format.name()) {
          case "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS" ->
              Formats.IQ4_NL;
          case "Q2_0", "Q2_K", "Q3_K", "TQ1_0", "TQ2_0" -> Formats.Q4_0;
          case "Q4_K" -> Formats.Q5_0;
          case "Q5_K" -> Formats.Q5_1;
          case "Q6_K" -> Formats.Q8_0;
          default -> Formats.F16;
        };
    return columns % smaller.blockSize() == 0 ? smaller : Formats.F16;
  }

  private GgmlFormat mix(Weight weight, GgmlFormat base) {
    Role role = weight.role();
    if (role == Role.OUTPUT || tied && role == Role.TOKEN_EMBEDDING) {
      return wishes.output.orElseGet(() -> output(weight, base));
    }
    if (role == Role.TOKEN_EMBEDDING) {
      return embedding(base);
    }
    if (isValue(role)) {
      return value(base, valuesSeen++);
    }
    return switch (role) {
      case ATTENTION_OUTPUT -> attentionOutput(base);
      case FFN_DOWN, EXPERT_DOWN -> down(base, index(weight, role));
      default -> base;
    };
  }

  private GgmlFormat output(Weight weight, GgmlFormat base) {
    if (weight.shape().columns() % base.blockSize() != 0 || base == Formats.Q8_0) {
      return Formats.Q8_0;
    }
    return Formats.Q6_K;
  }

  private GgmlFormat embedding(GgmlFormat base) {
    return base;
  }

  private GgmlFormat value(GgmlFormat base, int index) {
    GgmlFormat chosen =
        switch (recipe) {
          case Q2_K -> groups() >= 4 ? Formats.Q4_K : Formats.Q3_K;
          case Q2_K_S -> groups() >= 4 ? Formats.Q4_K : base;
          case Q3_K_M -> index < 2 ? Formats.Q5_K : Formats.Q4_K;
          case Q3_K_L -> Formats.Q5_K;
          case IQ4_NL, IQ4_XS -> groups() >= 4 ? Formats.Q5_K : base;
          case Q4_K_M, Q5_K_M -> deservesMore(index, values) ? Formats.Q6_K : base;
          case Q4_K_S -> index < 4 ? Formats.Q5_K : base;
          default -> base;
        };
    return model.experts() == 8 ? Formats.Q8_0 : chosen;
  }

  private GgmlFormat down(GgmlFormat base, int layer) {
    int layers = model.layers();
    return switch (recipe) {
      case Q2_K -> Formats.Q3_K;
      case Q2_K_S -> layer < layers / 8 ? Formats.Q4_K : base;
      case Q3_K_M -> layer < layers / 16 ? Formats.Q5_K : Formats.Q4_K;
      case Q3_K_L -> Formats.Q5_K;
      case Q4_K_M, Q5_K_M -> deservesMore(layer, layers) ? Formats.Q6_K : base;
      case IQ4_NL, IQ4_XS -> layer < layers / 8 && !importance ? Formats.Q5_K : base;
      case Q4_K_S -> layer < layers / 8 ? Formats.Q5_K : base;
      case Q4_0 -> layer < layers / 8 && importance ? Formats.Q4_1 : base;
      case Q5_0 -> layer < layers / 8 && importance ? Formats.Q5_1 : base;
      default -> base;
    };
  }

  private GgmlFormat attentionOutput(GgmlFormat base) {
    return switch (recipe) {
      case Q2_K -> Formats.Q3_K;
      case Q3_K_M -> Formats.Q4_K;
      case Q3_K_L -> Formats.Q5_K;
      default -> base;
    };
  }

  /**
   * Which of its kind a feed-forward matrix is: counted, except among experts, where the layer is
   * known.
   */
  private int index(Weight weight, Role role) {
    int counted = seen.merge(role, 1, Integer::sum) - 1;
    return model.experts() > 1 ? weight.layer() : counted;
  }

  /** Query heads that share a key-value head. */
  private int groups() {
    return model.heads() / model.keyValueHeads();
  }

  /** The first and last eighth of the layers, and every third between. */
  private static boolean deservesMore(int index, int count) {
    return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
  }

  private static boolean isValue(Role role) {
    return role == Role.ATTENTION_V || role == Role.ATTENTION_QKV;
  }
}
