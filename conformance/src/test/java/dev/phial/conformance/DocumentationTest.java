package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.plan.Recipe;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.targets.TargetOption;
import dev.phial.targets.Targets;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the documents list is what there is. */
final class DocumentationTest {
  @Test
  void formatsAreThoseOfTheTable() {
    List<String> table =
        read("docs/formats.md")
            .lines()
            .filter(line -> line.matches("\\| [A-Z0-9_]+ \\| [\\d.]+ \\| .*"))
            .map(line -> line.replaceAll("^((?:\\| [^|]+ ){3}).*", "$1").strip())
            .toList();
    assertThat(table)
        .containsExactlyElementsOf(Formats.ALL.stream().map(DocumentationTest::row).toList());
  }

  private static String row(GgmlFormat format) {
    return "| %s | %s | %d in %d bytes"
        .formatted(
            format.name(),
            BigDecimal.valueOf(format.bitsPerWeight()).stripTrailingZeros().toPlainString(),
            format.blockSize(),
            format.blockBytes());
  }

  @Test
  void everyRecipeIsTold() {
    String recipes = read("docs/formats.md").replaceFirst("(?s).*\n## Recipes", "");
    for (Recipe recipe : Recipe.values()) {
      assertThat(recipes).containsPattern("(?m)^\\|[^|]*\\b" + recipe + "\\b");
    }
  }

  @Test
  void theReadmeNamesEveryTypeAndOption() {
    String readme = read("README.md");
    assertThat(readme)
        .contains(
            Formats.ALL.stream()
                .map(GgmlFormat::name)
                .collect(Collectors.joining(" ", "| types | ", " |")));
    for (TargetOption option : Targets.named("gguf").orElseThrow().options()) {
      assertThat(readme).contains("--" + option.name());
    }
  }

  /** The example for those who use the library is compiled, and does what it says. */
  @Test
  void theExampleOfTheReadmeWorks(@TempDir Path folder) throws IOException {
    String source =
        read("conformance/src/test/java/dev/phial/conformance/LibraryExample.java")
            .replaceFirst("(?s).*static void quantize[^\n]*\n", "")
            .replaceFirst("(?s)\n  }\n}\n$", "");
    assertThat(read("README.md")).contains(source.stripIndent());
    Path output = folder.resolve("model.gguf");
    LibraryExample.quantize(Phial.MODELS.resolve("tiny-phi3"), output);
    assertThat(Phial.sha256(output)).startsWith("1627cc60"); // as of the command at its top
  }

  private static String read(String name) {
    try {
      return Files.readString(Phial.ROOT.resolve(name));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
