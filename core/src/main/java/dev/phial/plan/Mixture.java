package dev.phial.plan;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.tensor.Shape;
import java.util.EnumMap;
import java.util.EnumSet;
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

  /** The recipes below three bits, which have rules of their own. */
  private static final Set<Recipe> LOWEST =
      EnumSet.of(
          Recipe.IQ2_XXS, Recipe.IQ2_XS, Recipe.IQ2_S, Recipe.IQ2_M, Recipe.IQ1_S, Recipe.IQ1_M);

  private static final Set<Format> NEED_IMPORTANCE =
      Set.of(
          Formats.IQ3_XXS,
          Formats.IQ2_XXS,
          Formats.IQ2_XS,
          Formats.IQ2_S,
          Formats.IQ1_M,
          Formats.IQ1_S);

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
    return NEED_IMPORTANCE.contains(format) || format == Formats.Q2_K && recipe == Recipe.Q2_K_S;
  }

  /**
   * The type of the next tensor of the file.
   *
   * @param name in the file
   * @param layer in the file
   * @param current the type it keeps if nothing speaks for another
   */
  public GgmlFormat choose(String name, int layer, Weight weight, GgmlFormat current) {
    if (!isQuantizable(weight) || weight.role() == Role.OUTPUT && wishes.keepOutput) {
      return current;
    }
    if (weight.role() == Role.TOKEN_EMBEDDING && wishes.embedding.isPresent()) {
      return asked(name, wishes.embedding.get(), weight.shape().columns());
    }
    if (weight.role() == Role.OUTPUT && wishes.output.isPresent()) {
      return asked(name, wishes.output.get(), weight.shape().columns());
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
    GgmlFormat chosen = wish.orElseGet(() -> wishes.pure ? base : mix(weight, layer, base));
    return fitting(name, chosen, weight.shape().columns());
  }

  /** A type that was asked for by tensor has no substitute. */
  private static GgmlFormat asked(String name, GgmlFormat format, long columns) {
    if (columns % format.blockSize() != 0) {
      throw unfit(name, format, columns);
    }
    return format;
  }

  private static PhialException unfit(String name, GgmlFormat format, long columns) {
    return new PhialException.Unsupported(
        "tensor %s: expected rows of whole %s blocks of %d, found rows of %d; choose another type"
            .formatted(name, format, format.blockSize(), columns));
  }

  /** Another type where the rows do not divide into blocks. */
  private static GgmlFormat fitting(String name, GgmlFormat format, long columns) {
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
          case "Q1_0" -> throw unfit(name, format, columns);
          default -> Formats.F16;
        };
    return columns % smaller.blockSize() == 0 ? smaller : Formats.F16;
  }

  private GgmlFormat mix(Weight weight, int layer, GgmlFormat base) {
    Role role = weight.role();
    if (role == Role.OUTPUT || tied && role == Role.TOKEN_EMBEDDING) {
      return wishes.output.orElseGet(() -> output(weight, base));
    }
    if (recipe == Recipe.MXFP4_MOE) {
      return weight.matrixRows() < weight.shape().rows() ? Formats.MXFP4 : Formats.Q8_0;
    }
    if (role == Role.TOKEN_EMBEDDING) {
      return embedding(base);
    }
    if (isValue(role)) {
      int index = valuesSeen++;
      return LOWEST.contains(recipe) ? lowestValue() : value(base, index);
    }
    int counted = seen.merge(role, 1, Integer::sum) - 1;
    if (LOWEST.contains(recipe)) {
      return lowest(role, base, counted);
    }
    // feed-forward matrices are counted, except among experts, where the layer is known
    int index = model.experts().count() > 1 ? layer : counted;
    return switch (role) {
      case ATTENTION_Q -> query(base);
      case ATTENTION_K -> model.experts().count() == 8 ? Formats.Q8_0 : query(base);
      case ATTENTION_OUTPUT -> attentionOutput(base);
      case FFN_DOWN, EXPERT_DOWN -> down(base, index);
      case FFN_UP, FFN_GATE_UP, EXPERT_UP, EXPERT_GATE -> up(base, index);
      default -> base;
    };
  }

  private GgmlFormat output(Weight weight, GgmlFormat base) {
    if (recipe == Recipe.MXFP4_MOE
        || weight.shape().columns() % base.blockSize() != 0
        || base == Formats.Q8_0) {
      return Formats.Q8_0;
    }
    return LOWEST.contains(recipe) || recipe == Recipe.IQ3_XXS ? Formats.Q5_K : Formats.Q6_K;
  }

  private GgmlFormat embedding(GgmlFormat base) {
    return switch (recipe) {
      case IQ2_XXS, IQ2_XS, IQ1_S, IQ1_M -> Formats.Q2_K;
      case IQ2_S, IQ2_M, IQ3_XXS -> Formats.IQ3_S;
      case TQ1_0, TQ2_0, Q2_0 -> Formats.Q4_K;
      default -> base;
    };
  }

  private GgmlFormat lowestValue() {
    return groups() >= 4 || model.experts().count() >= 4 ? Formats.Q4_K : richerLowest();
  }

  /** What the lowest recipes use where it matters more. */
  private GgmlFormat richerLowest() {
    return recipe == Recipe.IQ2_S || recipe == Recipe.IQ2_M ? Formats.IQ3_S : Formats.Q2_K;
  }

  private GgmlFormat lowest(Role role, GgmlFormat base, int counted) {
    return switch (role) {
      case ATTENTION_K -> model.experts().count() == 8 ? Formats.Q4_K : base;
      case FFN_DOWN, EXPERT_DOWN -> counted < model.layers() / 8 ? richerLowest() : base;
      case ATTENTION_OUTPUT ->
          model.experts().count() == 8 ? Formats.Q5_K : lowestAttentionOutput(base);
      default -> base;
    };
  }

  private GgmlFormat lowestAttentionOutput(GgmlFormat base) {
    return switch (recipe) {
      case IQ1_S, IQ1_M -> Formats.IQ2_XXS;
      case IQ2_S, IQ2_M -> Formats.IQ3_S;
      default -> base;
    };
  }

  private GgmlFormat value(GgmlFormat base, int index) {
    if (model.experts().count() == 8) {
      return Formats.Q8_0;
    }
    return switch (recipe) {
      case Q2_K -> groups() >= 4 ? Formats.Q4_K : Formats.Q3_K;
      case Q2_K_S, IQ3_XS, IQ3_S -> groups() >= 4 ? Formats.Q4_K : base;
      case IQ3_XXS -> groups() >= 4 ? Formats.Q4_K : importance ? base : Formats.IQ3_S;
      case IQ3_M -> Formats.Q4_K;
      case Q3_K_M -> index < 2 ? Formats.Q5_K : Formats.Q4_K;
      case Q3_K_L -> Formats.Q5_K;
      case IQ4_NL, IQ4_XS -> groups() >= 4 ? Formats.Q5_K : base;
      case Q4_K_M, Q5_K_M -> deservesMore(index, values) ? Formats.Q6_K : base;
      case Q4_K_S -> index < 4 ? Formats.Q5_K : base;
      default -> base;
    };
  }

  /** Query matrices, and key matrices like them. */
  private GgmlFormat query(GgmlFormat base) {
    return switch (recipe) {
      case IQ3_XS -> Formats.IQ3_XXS;
      case IQ3_XXS -> Formats.IQ2_S;
      default -> base;
    };
  }

  private GgmlFormat down(GgmlFormat base, int index) {
    int layers = model.layers();
    boolean early = index < layers / 8;
    return switch (recipe) {
      case Q2_K -> Formats.Q3_K;
      case Q2_K_S -> early ? Formats.Q4_K : base;
      case IQ3_XXS -> importance ? base : early ? Formats.Q4_K : Formats.Q3_K;
      case Q3_K_M -> index < layers / 16 ? Formats.Q5_K : Formats.Q4_K;
      case IQ3_M ->
          early || model.experts().count() == 8 && deservesMore(index, layers)
              ? Formats.Q4_K
              : base;
      case Q3_K_L -> Formats.Q5_K;
      case Q4_K_M, Q5_K_M -> deservesMore(index, layers) ? Formats.Q6_K : base;
      case IQ4_NL, IQ4_XS -> early && !importance ? Formats.Q5_K : base;
      case Q4_K_S -> early ? Formats.Q5_K : base;
      case Q4_0 -> early && importance ? Formats.Q4_1 : base;
      case Q5_0 -> early && importance ? Formats.Q5_1 : base;
      default -> base;
    };
  }

  private GgmlFormat up(GgmlFormat base, int index) {
    int layers = model.layers();
    boolean middle = index >= layers / 8 && index < 7 * layers / 8;
    return recipe == Recipe.IQ3_XS && middle ? Formats.IQ3_XXS : base;
  }

  private GgmlFormat attentionOutput(GgmlFormat base) {
    if (model.experts().count() == 8) {
      return switch (recipe) {
        case Q2_K, Q3_K_S, Q3_K_M, Q4_K_S, Q4_K_M -> Formats.Q5_K;
        case IQ3_XXS, IQ3_XS, IQ3_S, IQ3_M, IQ4_NL, IQ4_XS -> Formats.Q5_K;
        default -> base;
      };
    }
    return switch (recipe) {
      case Q2_K -> Formats.Q3_K;
      case IQ3_XXS -> Formats.IQ3_S;
      case Q3_K_M, IQ3_M -> Formats.Q4_K;
      case Q3_K_L -> Formats.Q5_K;
      default -> base;
    };
  }

  /** Query heads that share a key-value head. */
  private int groups() {
    return model.attention().heads() / model.attention().keyValueHeads();
  }

  /** The first and last eighth of the layers, and every third between. */
  private static boolean deservesMore(int index, int count) {
    return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
  }

  private static boolean isValue(Role role) {
    return role == Role.ATTENTION_V || role == Role.ATTENTION_QKV;
  }
}
