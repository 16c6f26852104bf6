package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.plan.Recipe;
import dev.phial.quant.Formats;
import dev.phial.source.Gguf;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** llama.cpp loads what Phial writes, and goes on with a text as the model should. */
final class LlamaCppTest {
  private static final int TOKENS = 24;

  /** The demo in these costs nothing that 16 tokens would show. */
  private static final Set<Recipe> NEARLY_LOSSLESS =
      Set.of(Recipe.F32, Recipe.F16, Recipe.BF16, Recipe.Q8_0, Recipe.Q6_K);

  /** Half of the words of nearly any sentence of Shakespeare's. */
  private static final Set<String> COMMON_WORDS =
      Set.of(
          """
          a am an and are as at be but by do for from give go good have he hear heart her him his i \
          if in is it king know let like ll lord love make man me more my no not now of on or our out \
          s say shall she sir so stay t than that the thee their them then there these they this thou \
          thy to upon was we well what when which who will with would you your\
          """
              .split(" "));

  @TempDir static Path folder;

  private static final Map<Recipe, Path> DEMO = new EnumMap<>(Recipe.class);
  private static final List<Path> FAMILIES = new ArrayList<>();

  @BeforeAll
  static void quantize() {
    List<String> recipes = Arrays.stream(Recipe.values()).map(Recipe::name).toList();
    Phial.layImatrix("tiny-phi3");
    List<Path> files = quantize("tiny-phi3", recipes, ",imatrix=imatrix.gguf");
    for (Recipe recipe : Recipe.values()) {
      DEMO.put(recipe, files.get(recipe.ordinal()));
    }
    GgufGoldenTest.models()
        .filter(model -> !model.equals("phi-tiny-moe")) // its heads are too narrow for llama.cpp
        .forEach(
            model -> FAMILIES.addAll(quantize(model, List.of("F16", "Q4_K_M", "MXFP4_MOE"), "")));
  }

  private static List<Path> quantize(String model, List<String> recipes, String options) {
    List<String> arguments =
        new ArrayList<>(List.of("quantize", Phial.model(model), "-o", folder.toString()));
    recipes.forEach(recipe -> arguments.addAll(List.of("--to", "gguf:" + recipe + options)));
    arguments.add("--force");
    Phial.call(arguments).succeeded();
    return recipes.stream()
        .map(recipe -> folder.resolve("%s-gguf-%s.gguf".formatted(model, recipe)))
        .toList();
  }

  @ParameterizedTest
  @EnumSource
  void demoSpeaksLikeShakespeareInEveryRecipe(LlamaCpp llama) {
    Map<Path, String> texts = texts(llama, DEMO.values().stream());
    String lossless = start(texts.getOrDefault(DEMO.get(Recipe.F16), ""));
    SoftAssertions all = new SoftAssertions();
    DEMO.forEach((recipe, file) -> {
      String text = texts.get(file);
      if (text != null) {
        all.assertThat(commonWords(text)).as("%s: %s", recipe, text).isGreaterThan(0.5);
        if (NEARLY_LOSSLESS.contains(recipe)) {
          all.assertThat(start(text)).as(recipe.name()).isEqualTo(lossless);
        }
      }
    });
    all.assertAll();
  }

  /** Random weights say nothing of sense; that they are loaded and computed with is what counts. */
  @ParameterizedTest
  @EnumSource
  void everyFamilyGenerates(LlamaCpp llama) {
    assertThat(texts(llama, FAMILIES.stream()).values()).doesNotContain("");
  }

  private static Map<Path, String> texts(LlamaCpp llama, Stream<Path> files) {
    List<Path> known = files.filter(file -> isKnown(llama, file)).toList();
    Map<Path, String> texts = llama.generate(folder, known, "ROMEO:", TOKENS);
    assertThat(texts).containsOnlyKeys(known);
    return texts;
  }

  private static boolean isKnown(LlamaCpp llama, Path file) {
    try (Gguf gguf = Gguf.open(file)) {
      return gguf.tensors().values().stream()
          .allMatch(t -> llama.knows(Formats.named(t.encoding().name()).orElseThrow()));
    }
  }

  /** Enough to tell, and short of where two builds round apart. */
  private static String start(String text) {
    return text.substring(0, 32);
  }

  static double commonWords(String text) {
    List<String> words =
        Arrays.stream(text.toLowerCase(Locale.ROOT).split("[^a-z]+"))
            .filter(word -> !word.isEmpty())
            .toList();
    return (double) words.stream().filter(COMMON_WORDS::contains).count() / words.size();
  }
}
