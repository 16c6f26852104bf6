package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The page of {@code phial eval --html}, opened in headless Chromium: {@code PHIAL_CHROMIUM}, or
 * the first on the path; without one, what needs it is skipped.
 */
@TestInstance(Lifecycle.PER_CLASS)
final class EvalPageTest {
  private static final Pattern ATTRIBUTE = Pattern.compile("([a-z-]+)=\"([^\"]*)\"");

  private Path folder = Path.of("");
  private Path page = Path.of("");
  private String hostile = "";
  private JsonNode json = new JsonMapper().createObjectNode();

  @BeforeAll
  void evaluate(@TempDir Path scratch) throws IOException {
    folder = scratch;
    // a name that would be markup, were it not escaped
    Path copy = Files.createDirectory(folder.resolve("<script>document.title='caught'<"));
    try (Stream<Path> files = Files.list(Path.of(Phial.model("tiny-phi3")))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    hostile = copy.toString();
    page = folder.resolve("report.html");
    Command.Result result =
        Phial.call(
            List.of(
                "eval",
                Phial.model("tiny-phi3"),
                hostile,
                "--types",
                "Q8_0,Q4_K_M,Q4_0,Q2_K",
                "--context",
                "64",
                "--chunks",
                "8",
                "--html",
                page.toString(),
                "--json"));
    json = new JsonMapper().readTree(result.succeeded().out());
  }

  @Test
  void needsNothingFromElsewhere() throws IOException {
    String source = Files.readString(page);
    assertThat(source)
        .doesNotContainPattern("(?i)<script|<link|<img|<iframe|https?:|url\\(|@import|javascript:");
    assertThat(source).contains("default-src 'none'");
  }

  @Test
  void plotsSizeAndQuality() throws IOException {
    List<Map<String, String>> points = elements("circle", "data-kld");
    assertThat(points).hasSize(5);
    for (JsonNode candidate : json.path("candidates")) {
      Map<String, String> point = find(points, "data-model", candidate.path("name").stringValue());
      assertThat(Long.parseLong(point.getOrDefault("data-bytes", "")))
          .isEqualTo(candidate.path("bytes").longValue());
      assertThat(number(point, "data-kld")).isEqualTo(candidate.path("kld_mean").doubleValue());
    }
    // a plot shows what it says: smaller is further left, better is lower
    Map<String, String> large = find(points, "data-model", "Q8_0");
    Map<String, String> small = find(points, "data-model", "Q2_K");
    assertThat(number(small, "cx")).isLessThan(number(large, "cx"));
    assertThat(number(small, "cy")).isLessThan(number(large, "cy"));
    assertThat(large).containsEntry("data-front", "true");
  }

  @Test
  void everyPointAndLineHasALabelThatIsNotCut() throws IOException {
    String source = Files.readString(page);
    for (String plot : List.of("pareto", "states", "weights")) {
      String svg = source.replaceFirst("(?s).*(<svg id=\"" + plot + "\".*?</svg>).*", "$1");
      double width = Double.parseDouble(svg.replaceFirst("(?s).*?viewBox=\"0 0 (\\d+) .*", "$1"));
      List<MatchResult> labels =
          Pattern.compile("class=\"label c\\d\" x=\"([\\d.]+)\" y=\"[\\d.]+\">([^<]+)<")
              .matcher(svg)
              .results()
              .toList();
      assertThat(labels).as(plot).hasSize(5);
      assertThat(labels).extracting(label -> label.group(2)).doesNotHaveDuplicates();
      for (MatchResult label : labels) { // 6.6 is more than a letter of 11 pixels takes
        double end = Double.parseDouble(label.group(1)) + 6.6 * unescaped(label.group(2)).length();
        assertThat(end).as(label.group(2)).isLessThanOrEqualTo(width);
      }
    }
  }

  @Test
  void saysWhatWasDoneWhereAndWhen() throws IOException {
    assertThat(Files.readString(page))
        .containsPattern("Made on 20\\d\\d-\\d\\d-\\d\\d by <code>phial eval .*--types Q8_0,Q4_K_M")
        .contains("with phial ", " kernels. All figures: ", "is the smallest: ");
  }

  @Test
  void plotsTheErrorOfEachLayer() throws IOException {
    List<Map<String, String>> dots = elements("circle", "data-error");
    for (JsonNode candidate : json.path("candidates")) {
      List<Double> plotted =
          dots.stream()
              .filter(dot -> candidate.path("name").stringValue().equals(dot.get("data-model")))
              .map(dot -> number(dot, "data-error"))
              .toList();
      List<Double> expected = new ArrayList<>();
      candidate.path("hidden_state_errors").forEach(error -> expected.add(error.doubleValue()));
      candidate.path("weight_errors").forEach(error -> expected.add(error.doubleValue()));
      assertThat(plotted).isEqualTo(expected);
    }
    assertThat(find(dots, "data-place", "emb")).isNotEmpty();
  }

  @Test
  void showsTheNumbersAndNothingElse() throws IOException {
    String dom = dom();
    assertThat(dom).doesNotContain("<title>caught");
    assertThat(elements("tr", "data-model"))
        .extracting(row -> row.getOrDefault("data-model", ""))
        .containsExactly(Phial.model("tiny-phi3"), hostile, "Q8_0", "Q4_K_M", "Q4_0", "Q2_K");
  }

  private static double number(Map<String, String> element, String attribute) {
    return Double.parseDouble(element.getOrDefault(attribute, ""));
  }

  private static Map<String, String> find(
      List<Map<String, String>> elements, String attribute, String value) {
    return elements.stream()
        .filter(element -> value.equals(element.get(attribute)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no element with " + attribute + "=" + value));
  }

  /** The attributes of elements that have this one. */
  private List<Map<String, String>> elements(String name, String attribute) throws IOException {
    List<Map<String, String>> elements = new ArrayList<>();
    for (MatchResult tag :
        Pattern.compile("<" + name + " ([^>]*)").matcher(dom()).results().toList()) {
      Map<String, String> attributes = new HashMap<>();
      ATTRIBUTE
          .matcher(tag.group(1))
          .results()
          .forEach(match -> attributes.put(match.group(1), unescaped(match.group(2))));
      if (attributes.containsKey(attribute)) {
        elements.add(attributes);
      }
    }
    return elements;
  }

  private static String unescaped(String text) {
    return text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
  }

  /** What a browser makes of the page. */
  private String dom() throws IOException {
    Optional<Path> browser = Chromium.find();
    assumeThat(browser).as("Chromium on the path, or PHIAL_CHROMIUM").isPresent();
    Path profile = Files.createTempDirectory(folder, "profile");
    List<String> words = new ArrayList<>(List.of(browser.orElseThrow().toString()));
    words.addAll(Chromium.options(profile));
    words.addAll(List.of("--dump-dom", page.toUri().toString()));
    return Command.run(folder, words).succeeded().out();
  }
}
