package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The page of {@code phial serve}, used in Chromium as a person would. */
final class StudioTest {
  /** Where pictures of the page are left, if somebody wants them. */
  private static final Optional<Path> PICTURES =
      Optional.ofNullable(System.getenv("PHIAL_SCREENSHOTS")).map(Path::of);

  private static final String FILE = "tiny-phi3-gguf-Q4_K_M.gguf";

  @TempDir Path folder;

  @Test
  void convertsMeasuresAndTalks() throws Exception {
    Optional<Path> browser = Chromium.find();
    assumeThat(browser).as("Chromium on the path, or PHIAL_CHROMIUM").isPresent();
    Path models = Files.createDirectory(folder.resolve("models"));
    copy(Path.of(Phial.model("tiny-phi3")), models.resolve("tiny-phi3"));
    String model = models.resolve("tiny-phi3").toString();
    try (Serving serving = new Serving(folder, Map.of(), model, "--models", models.toString());
        Chromium page = new Chromium(browser.orElseThrow(), folder)) {
      String url = serving.url().replaceFirst("/v1$", "/");
      page.open(url, 1200, 900, false);
      chooses(page);
      asksForADevice(page);
      converts(page, models);
      page.open(url, 1200, 900, false); // what was done is still known
      page.await("document.querySelector('#jobs li[data-state=done]')");
      chooses(page);
      measures(page);
      talks(page);
      downloads(page, url, models.resolve(FILE));
      isForEveryone(page);
      page.await("!$('status').textContent");
      picture(page, "studio.png");
      page.size(390, 844, true);
      page.await("document.querySelector('#plot canvas')");
      assertThat(page.evaluate("document.documentElement.scrollWidth").intValue())
          .isLessThanOrEqualTo(390);
      picture(page, "studio-phone.png");
      assertThat(page.complaints()).isEmpty();
      assertThat(serving.log()).doesNotContain("\tat ");
      assertThat(serving.terminate()).isEqualTo(128 + 15);
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectory(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  private static void chooses(Chromium page) {
    page.await(
        "[...document.querySelectorAll('#model option')].some((o) => o.value === 'tiny-phi3')");
    page.evaluate("$('model').value = 'tiny-phi3'; $('model').dispatchEvent(new Event('change'))");
    page.await(
        "document.querySelectorAll('#choices tr').length > 20 && page.planOf === 'tiny-phi3'");
    // at most 3.5 MB: the largest that fits comes first
    page.evaluate("$('most').value = '3.5'; $('most').dispatchEvent(new Event('input'))");
    assertThat(page.evaluate("$('choices').rows[0].cells[1].textContent").stringValue())
        .startsWith("gguf:");
    page.evaluate("$('most').value = ''; $('most').dispatchEvent(new Event('input'))");
  }

  /** A device says what fits it, and which is the best of that. */
  private static void asksForADevice(Chromium page) {
    page.evaluate("$('device').value = 'pi5-4gb'; $('device').dispatchEvent(new Event('change'))");
    page.await("$('advice').textContent.startsWith('Recommended: ')");
    String best = page.evaluate("[...page.chosen].join()").stringValue();
    assertThat(page.evaluate("$('advice').textContent").stringValue()).contains(best);
    assertThat(
            page.evaluate(
                    "[...$('choices').rows].find((row) => row.cells[1].textContent === '%s').cells[5].textContent"
                        .formatted(best))
                .stringValue())
        .matches("[0-9.e+]+");
    page.evaluate("$('device').value = ''; $('device').dispatchEvent(new Event('change'))");
    page.await("!$('advice').textContent && document.querySelectorAll('#choices tr').length > 20");
  }

  private static void choose(Chromium page, String... types) {
    page.evaluate(
        "document.querySelectorAll('#choices input:checked').forEach((box) => box.click())");
    for (String type : types) {
      page.evaluate(
          "document.querySelector('#choices input[aria-label=\"Choose %s\"]').click()"
              .formatted(type));
    }
  }

  private void converts(Chromium page, Path models) throws IOException {
    choose(page, "gguf:Q4_K_M");
    page.evaluate("$('convert').click()");
    page.await("document.querySelector('#jobs li[data-state=done]')");
    Path expected = folder.resolve(FILE);
    Phial.call(
            List.of(
                "quantize",
                Phial.model("tiny-phi3"),
                "--to",
                "gguf:Q4_K_M",
                "-o",
                expected.toString()))
        .succeeded();
    assertThat(models.resolve(FILE)).hasSameBinaryContentAs(expected);
    // once more would replace it, which nobody said
    choose(page, "gguf:Q4_K_M");
    page.evaluate("$('convert').click()");
    page.await("document.querySelector('#jobs li[data-state=failed]')");
    assertThat(
            page.evaluate("document.querySelector('#jobs li[data-state=failed]').textContent")
                .stringValue())
        .contains(FILE + " exists already");
  }

  private static void measures(Chromium page) {
    choose(page, "gguf:Q8_0", "gguf:Q4_0", "onnx:int4", "gguf:Q2_K");
    page.evaluate("$('chunks').value = '2'; $('measure').click()");
    page.await("document.querySelectorAll('#points tr').length === 4");
    List<JsonNode> points = new ArrayList<>();
    new JsonMapper()
        .readTree(page.evaluate("$('plot').dataset.points").stringValue())
        .forEach(points::add);
    assertThat(points)
        .extracting(point -> point.path("name").stringValue())
        .containsExactlyInAnyOrder("gguf:Q8_0", "gguf:Q4_0", "onnx:int4", "gguf:Q2_K");
    JsonNode results =
        page.evaluate(
            "fetch('/studio/state').then((r) => r.json()).then((s) => s.jobs.find((job) => job.kind === 'measure').results)");
    for (JsonNode result : results) {
      JsonNode point =
          points.stream()
              .filter(each -> each.path("name").equals(result.path("name")))
              .findFirst()
              .orElseThrow();
      assertThat(point.path("x").doubleValue()).isEqualTo(result.path("bytes").doubleValue() / 1e6);
      assertThat(point.path("y").doubleValue()).isEqualTo(result.path("kld_mean").doubleValue());
    }
    JsonNode smallest = points.getFirst();
    JsonNode largest = points.getLast();
    assertThat(smallest.path("name").stringValue()).isEqualTo("gguf:Q2_K");
    assertThat(largest.path("name").stringValue()).isEqualTo("gguf:Q8_0");
    assertThat(smallest.path("front").booleanValue()).isTrue();
    assertThat(largest.path("front").booleanValue()).isTrue();
    assertThat(largest.path("y").doubleValue()).isLessThan(smallest.path("y").doubleValue());
    assertThat(page.evaluate("document.querySelectorAll('#plot canvas').length").intValue())
        .isEqualTo(1);
  }

  private static void talks(Chromium page) {
    page.evaluate("$('first').value = 'tiny-phi3'; $('second').value = '%s'".formatted(FILE));
    page.evaluate(
        "$('mode').value = 'text'; $('tokens').value = '24'; $('question').value = 'What is the king'");
    page.evaluate(
        "$('question').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}))");
    page.await("!$('send').disabled && document.querySelectorAll('.said .it').length === 2");
    for (String pane : List.of("first", "second")) {
      assertThat(
              page.evaluate("document.querySelector('#%s-said .it').textContent".formatted(pane))
                  .stringValue())
          .isNotBlank() // how much it says is up to it
          .doesNotContain("loading");
    }
    page.await(
        "document.querySelector('#library li[data-name=\"%s\"]').textContent.includes('Unload')"
            .formatted(FILE));
  }

  private static void downloads(Chromium page, String url, Path file)
      throws IOException, InterruptedException {
    String link =
        page.evaluate("ask('/studio/ticket', {model: '%s'}).then((t) => t.url)".formatted(FILE))
            .stringValue();
    HttpRequest request = HttpRequest.newBuilder(URI.create(url).resolve(link)).build();
    try (HttpClient http = HttpClient.newHttpClient()) {
      var response = http.send(request, BodyHandlers.ofByteArray());
      assertThat(response.headers().firstValue("Content-Disposition").orElse("")).contains(FILE);
      assertThat(response.body()).isEqualTo(Files.readAllBytes(file));
      assertThat(http.send(request, BodyHandlers.ofByteArray()).statusCode()).isEqualTo(404);
    }
  }

  /** Whoever cannot see it, or has no mouse, finds every control by name. */
  private static void isForEveryone(Chromium page) {
    assertThat(
            page.evaluate(
                    "[...document.querySelectorAll('button, input, select, textarea')].filter((e) => !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.textContent.trim()).map((e) => e.outerHTML).join()")
                .stringValue())
        .isEmpty();
    assertThat(
            page.evaluate(
                    "[...document.querySelectorAll('[tabindex]')].every((e) => e.tabIndex === 0)")
                .booleanValue())
        .isTrue();
  }

  private static void picture(Chromium page, String name) throws IOException {
    if (PICTURES.isPresent()) {
      page.screenshot(PICTURES.get().resolve(name));
    }
  }
}
