package dev.phial.quant;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Every quant type there is. */
public final class Formats {
  public static final GgmlFormat F32 = new F32();
  public static final GgmlFormat F16 = new F16();
  public static final GgmlFormat BF16 = new BF16();
  public static final GgmlFormat Q8_0 = new Q8_0();
  public static final GgmlFormat Q4_0 = new Q4_0();
  public static final GgmlFormat Q4_1 = new Q4_1();
  public static final GgmlFormat Q5_0 = new Q5_0();
  public static final GgmlFormat Q5_1 = new Q5_1();
  public static final GgmlFormat Q2_K = new Q2_K();
  public static final GgmlFormat Q3_K = new Q3_K();
  public static final GgmlFormat Q4_K = new Q4_K();
  public static final GgmlFormat Q5_K = new Q5_K();
  public static final GgmlFormat Q6_K = new Q6_K();
  public static final GgmlFormat IQ4_NL = new IQ4_NL();
  public static final GgmlFormat IQ4_XS = new IQ4_XS();
  public static final GgmlFormat IQ3_S = new IQ3_S();
  public static final GgmlFormat IQ3_XXS = new IQ3_XXS();
  public static final GgmlFormat IQ2_S = new IQ2_S();
  public static final GgmlFormat IQ2_XS = new IQ2_XS();
  public static final GgmlFormat IQ2_XXS = new IQ2_XXS();
  public static final GgmlFormat IQ1_M = new IQ1_M();
  public static final GgmlFormat IQ1_S = new IQ1_S();
  public static final GgmlFormat MXFP4 = new MXFP4();
  public static final GgmlFormat TQ2_0 = new TQ2_0();
  public static final GgmlFormat TQ1_0 = new TQ1_0();
  public static final GgmlFormat Q2_0 = new Q2_0();
  public static final GgmlFormat Q1_0 = new Q1_0();

  public static final List<GgmlFormat> ALL =
      List.of(
          F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL,
          IQ4_XS, IQ3_S, IQ3_XXS, IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S, MXFP4, TQ2_0, TQ1_0, Q2_0,
          Q1_0);

  private static final Map<String, GgmlFormat> BY_NAME =
      ALL.stream().collect(Collectors.toUnmodifiableMap(GgmlFormat::name, Function.identity()));
  private static final Map<Integer, GgmlFormat> BY_ID =
      ALL.stream().collect(Collectors.toUnmodifiableMap(GgmlFormat::id, Function.identity()));

  private Formats() {}

  /** The type of this name, in any case. */
  public static Optional<GgmlFormat> named(String name) {
    return Optional.ofNullable(BY_NAME.get(name.toUpperCase(Locale.ROOT)));
  }

  /** The type of plain numbers. */
  public static GgmlFormat of(FloatType type) {
    return named(type.name()).orElseThrow();
  }

  /** The type of this number in a GGUF file. */
  public static Optional<GgmlFormat> numbered(int id) {
    return Optional.ofNullable(BY_ID.get(id));
  }
}
