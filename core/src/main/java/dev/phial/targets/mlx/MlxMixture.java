package dev.phial.targets.mlx;

import dev.phial.model.Weight;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Recipes that give the value and down projections of some layers and the output matrix more bits
 * than the rest; mlx_lm's {@code mixed_quant_predicate_builder}.
 */
enum MlxMixture {
  MIXED_2_6(2, 6),
  MIXED_3_4(3, 4),
  MIXED_3_6(3, 6),
  MIXED_4_6(4, 6);

  static final List<String> NAMES = Arrays.stream(values()).map(MlxMixture::toString).toList();

  private final int low;
  private final int high;

  MlxMixture(int low, int high) {
    this.low = low;
    this.high = high;
  }

  static Optional<MlxMixture> named(String name) {
    return Arrays.stream(values()).filter(mixture -> mixture.toString().equals(name)).findFirst();
  }

  /** Bits of a matrix. It is the name that counts, so that a qkv_proj is a value projection too. */
  int bits(Weight weight, int layers) {
    String name = weight.mlxName();
    int layer = Math.max(0, weight.layer());
    boolean deservesMore =
        layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
    return name.contains("lm_head")
            || deservesMore && (name.contains("v_proj") || name.contains(DOWN))
        ? high
        : low;
  }

  /** Whether the recipe is for such a model: mlx_lm looks for down projections by their name. */
  static boolean suits(List<Weight> weights) {
    return weights.stream().anyMatch(weight -> weight.mlxName().contains(DOWN));
  }

  private static final String DOWN = "down_proj";

  /** As mlx_lm calls it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
