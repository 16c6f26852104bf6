package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Codes go from format to format as they are, or not at all. */
final class CarryTest {
  private static final String MODEL = "tiny-phi3";

  /** What a cell says of matrices that are no integers. */
  private static final String NUMBERS = " and numbers";

  /** What is written once for all tests. */
  @TempDir static Path sources;

  @TempDir Path folder;

  /** The table of docs/formats.md: source, target, and what it says of them. */
  static Stream<Arguments> matrix() throws IOException {
    List<List<String>> rows =
        Files.readString(Phial.ROOT.resolve("docs/formats.md"))
            .lines()
            .dropWhile(line -> !line.equals("### What can be carried"))
            .filter(line -> line.startsWith("|"))
            .takeWhile(line -> line.contains("|"))
            .map(line -> Arrays.stream(line.substring(1).split("\\|")).map(String::strip).toList())
            .toList();
    List<String> targets = rows.getFirst();
    assertThat(targets.subList(1, targets.size()))
        .containsExactly("`gguf`", "`onnx`", "`openvino`", "`mlx`");
    assertThat(rows).hasSizeGreaterThan(12);
    return rows.stream()
        .skip(2)
        .flatMap(row ->
            IntStream.range(1, row.size())
                .mapToObj(
                    i -> Arguments.of(plain(row.getFirst()), plain(targets.get(i)), row.get(i))));
  }

  private static String plain(String cell) {
    return cell.replace("`", "");
  }

  @ParameterizedTest
  @MethodSource("matrix")
  void everyCellOfTheTableIsTrue(String from, String to, String cell) throws IOException {
    Path source = from.contains(":") ? source(MODEL, from) : layer(from);
    Path output = folder.resolve("output");
    Command.Result result = carry(MODEL, source, to, output);
    if (cell.startsWith("–")) {
      assertThat(result.status()).isEqualTo(1);
      String message =
          result.err().lines().filter(line -> line.startsWith("phial: ")).toList().getLast();
      assertThat(message).contains(cell.substring(1).strip());
      assertThat(output).doesNotExist();
    } else {
      result.succeeded();
      boolean hasNumbers = cell.endsWith(NUMBERS);
      assertThat(result.err()).contains(plain(cell).replace(NUMBERS, "").split(", "));
      assertThat(result.err().contains("note: --carry kept output.weight as numbers"))
          .isEqualTo(hasNumbers);
      assertThat(exact(source, output).status()).isEqualTo(hasNumbers ? 1 : 0);
      assertThat(Phial.call(List.of("compare", source.toString(), output.toString())).out())
          .doesNotContain("different", "only in");
    }
  }

  /** From GGUF through every format and back, whatever projections are joined or cut on the way. */
  @ParameterizedTest
  @ValueSource(
      strings = {"phi2", "phi3-mini-4k", "phi4-mini", "phi3-medium-128k", "phi35-moe", MODEL})
  void codesComeBackFromAJourney(String model) throws IOException {
    for (String type : List.of("Q4_0", "Q8_0")) {
      Path first = source(model, "gguf:" + type + ",pure");
      Path last = first;
      for (String to : List.of("onnx", "openvino", "mlx", "gguf")) {
        Path output = folder.resolve(type + "-" + to);
        Command.Result result = carry(model, last, to, output);
        result.succeeded();
        exact(first, output).succeeded();
        last = output;
      }
    }
  }

  @Test
  void aTypeThatDoesNotHoldTheCodesIsRefused() {
    for (String from : List.of("gguf:Q4_K_M", "gguf:Q8_0")) {
      Command.Result result =
          carry(MODEL, source(MODEL, from), "gguf:Q4_0", folder.resolve("out.gguf"));
      assertThat(result.status()).as(from).isNotZero();
      assertThat(folder.resolve("out.gguf")).doesNotExist();
    }
  }

  /** What is quantized in several ways does not fit a layout that has one. */
  @Test
  void mixedCodesAreRefusedByLayoutsOfOneKind() {
    Path source = source(MODEL, "gguf:Q4_0,pure,tensor-type=ffn_down=q8_0");
    for (String to : List.of("torch", "gptq", "awq")) {
      Command.Result result = carry(MODEL, source, to, folder.resolve(to));
      assertThat(result.status()).isEqualTo(1);
      assertThat(result.err()).contains("down_proj: expected codes ");
      assertThat(folder.resolve(to)).doesNotExist();
    }
  }

  /**
   * Codes of GGUF go to PyTorch's layouts and come back; embedding and output are numbers there.
   */
  @Test
  void codesComeBackFromPyTorch() throws IOException {
    Path first = source(MODEL, "gguf:Q4_0,pure");
    for (String to : List.of("torch", "gptq", "awq")) {
      Path output = folder.resolve(to);
      carry(MODEL, first, to, output).succeeded();
      Path last = folder.resolve(to + ".gguf");
      carry(MODEL, output, "gguf", last).succeeded();
      for (Path other : List.of(output, last)) {
        assertThat(Phial.call(List.of("compare", first.toString(), other.toString())).out())
            .contains("same codes")
            .doesNotContain("different", "only in");
      }
    }
  }

  /** An export may have two matrices where the original has one for input and output. */
  @Test
  void whatTheExportHasTwiceIsKeptTwice() {
    Path source = source("phi4-mini", "onnx:int8");
    Path output = folder.resolve("out");
    Phial.call(
            List.of(
                "quantize",
                source.toString(),
                "--to",
                "openvino",
                "--carry",
                "--original",
                Phial.model("phi4-mini"),
                "-o",
                output.toString()))
        .succeeded();
    assertThat(exact(source, output).status()).isZero();
  }

  @Test
  void theModelItselfIsNotReplaced() {
    Path source = source(MODEL, "openvino:int4");
    Command.Result result =
        Phial.call(
            List.of(
                "quantize",
                source.toString(),
                "--to",
                "openvino:int8",
                "--original",
                Phial.model(MODEL),
                "--force",
                "-o",
                source.toString()));
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains("what this command reads");
  }

  private static Path source(String model, String to) {
    Path output = sources.resolve(model + "-" + to.replaceAll("\\W", "-"));
    if (!Files.exists(output)) {
      Phial.call(List.of("quantize", Phial.model(model), "--to", to, "-o", output.toString()))
          .succeeded();
    }
    return output;
  }

  private static Path layer(String name) throws IOException {
    Path output = sources.resolve(name);
    if (!Files.exists(output)) {
      QuantizedLayer.writeModel(output, name);
    }
    return output;
  }

  private static Command.Result carry(String model, Path source, String to, Path output) {
    List<String> words =
        new ArrayList<>(
            List.of("quantize", source.toString(), "--to", to, "--carry", "-o", output.toString()));
    if (Files.isRegularFile(source) != to.startsWith("gguf")) {
      words.addAll(List.of("--original", Phial.model(model)));
    }
    return Phial.call(words);
  }

  private static Command.Result exact(Path a, Path b) {
    return Phial.call(List.of("compare", a.toString(), b.toString(), "--exact"));
  }
}
