package dev.phial.plan;

import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * llama-quantize's file types: a base type that {@link Mixture} departs from where a tensor
 * deserves more bits or can do with fewer.
 */
public enum Recipe {
  F32(0, Formats.F32),
  F16(1, Formats.F16),
  BF16(32, Formats.BF16),
  Q8_0(7, Formats.Q8_0),
  Q6_K(18, Formats.Q6_K),
  Q5_1(9, Formats.Q5_1),
  Q5_K_M(17, Formats.Q5_K),
  Q5_K_S(16, Formats.Q5_K),
  Q5_0(8, Formats.Q5_0),
  Q4_1(3, Formats.Q4_1),
  Q4_K_M(15, Formats.Q4_K),
  Q4_K_S(14, Formats.Q4_K),
  Q4_0(2, Formats.Q4_0),
  IQ4_NL(25, Formats.IQ4_NL),
  IQ4_XS(30, Formats.IQ4_XS),
  MXFP4_MOE(38, Formats.MXFP4),
  Q3_K_L(13, Formats.Q3_K),
  Q3_K_M(12, Formats.Q3_K),
  IQ3_M(27, Formats.IQ3_S),
  IQ3_S(26, Formats.IQ3_S),
  Q3_K_S(11, Formats.Q3_K),
  IQ3_XS(22, Formats.IQ3_S),
  IQ3_XXS(23, Formats.IQ3_XXS),
  Q2_K(10, Formats.Q2_K),
  Q2_K_S(21, Formats.Q2_K),
  IQ2_M(29, Formats.IQ2_S),
  IQ2_S(28, Formats.IQ2_XS),
  IQ2_XS(20, Formats.IQ2_XS),
  IQ2_XXS(19, Formats.IQ2_XXS),
  IQ1_M(31, Formats.IQ1_M),
  IQ1_S(24, Formats.IQ1_S),
  Q2_0(41, Formats.Q2_0),
  TQ2_0(37, Formats.TQ2_0),
  TQ1_0(36, Formats.TQ1_0),
  Q1_0(40, Formats.Q1_0);

  /** Other names that llama-quantize takes. */
  private static final List<String> ALIASES = List.of("Q3_K=Q3_K_M", "Q4_K=Q4_K_M", "Q5_K=Q5_K_M");

  private final int fileType;
  private final GgmlFormat base;

  Recipe(int fileType, GgmlFormat base) {
    this.fileType = fileType;
    this.base = base;
  }

  /** The number in {@code general.file_type}. */
  public int fileType() {
    return fileType;
  }

  /** The type of most tensors. */
  public GgmlFormat base() {
    return base;
  }

  /** The recipe of this name, in any case. */
  public static Optional<Recipe> named(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    String resolved =
        ALIASES.stream()
            .filter(alias -> alias.startsWith(upper + "="))
            .map(alias -> alias.substring(upper.length() + 1))
            .findFirst()
            .orElse(upper);
    return Arrays.stream(values()).filter(recipe -> recipe.name().equals(resolved)).findFirst();
  }
}
