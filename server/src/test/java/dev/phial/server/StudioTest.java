package dev.phial.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** What the page may do, and what nobody else may; the page itself is used in conformance. */
final class StudioTest {
  private static final Pattern TOKEN = Pattern.compile("phial-token\" content=\"([0-9a-f]+)\"");
  private static final String MODEL = "some/tiny";

  @TempDir Path scratch;

  private Path folder = Path.of("");

  @BeforeEach
  void copy() throws IOException {
    folder = Files.createDirectory(scratch.resolve("models"));
    Path model = Files.createDirectories(folder.resolve(MODEL));
    try (Stream<Path> files = Files.list(Served.MODEL)) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
  }

  private Served serve(ServerSettings settings) {
    return new Served(settings, new StudioSettings(List.of(folder), Map.of()));
  }

  private static String token(Served served) {
    Matcher found = TOKEN.matcher(served.get("/").body());
    assertThat(found.find()).isTrue();
    return found.group(1);
  }

  private static HttpResponse<String> act(Served served, String token, String action, String body) {
    return served.send(
        served
            .request("/studio/" + action)
            .header("Content-Type", "application/json")
            .header("X-Phial-Token", token)
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  private static JsonNode state(Served served) {
    return Served.json(served.get("/studio/state").body());
  }

  private static String job(String kind, String target, int chunks) {
    return "{\"kind\":\"%s\",\"model\":\"%s\",\"targets\":[\"%s\"],\"chunks\":%d}"
        .formatted(kind, MODEL, target, chunks);
  }

  @Test
  void onlyItsOwnPageMayAct() {
    try (Served served = serve(Served.settings())) {
      HttpResponse<String> page = served.get("/");
      assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
          .contains("default-src 'none'", "frame-ancestors 'none'");
      assertThat(page.body()).doesNotContain("http:", "https:", " style=", "onclick");
      String plan = "{\"model\":\"" + MODEL + "\"}";
      assertThat(served.post("/studio/plan", plan).statusCode()).isEqualTo(403);
      assertThat(act(served, "0", "plan", plan).statusCode()).isEqualTo(403);
      HttpResponse<String> answer = act(served, token(served), "plan", plan);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      assertThat(Served.json(answer.body()).path("choices").size()).isGreaterThan(20);
    }
    try (Served locked = serve(Served.settings("secret"))) {
      assertThat(locked.get("/").statusCode()).isEqualTo(200);
      assertThat(locked.get("/studio/state").statusCode()).isEqualTo(401);
      assertThat(act(locked, token(locked), "plan", "{}").statusCode()).isEqualTo(401);
    }
  }

  @Test
  @DisabledOnOs(OS.WINDOWS) // where links need a permission
  void nothingOutsideItsFoldersIsReached() throws IOException {
    Path secret = Files.createDirectory(scratch.resolve("secret"));
    Files.copy(Served.MODEL.resolve("config.json"), secret.resolve("config.json"));
    Files.writeString(secret.resolve("a.gguf"), "secret");
    Files.createSymbolicLink(folder.resolve("link"), secret);
    Files.createSymbolicLink(folder.resolve("link.gguf"), secret.resolve("a.gguf"));
    try (Served served = serve(Served.settings())) {
      List<String> names = new ArrayList<>();
      state(served).path("models").forEach(model -> names.add(model.path("name").stringValue()));
      assertThat(names).containsExactly(MODEL, "tiny");
      String token = token(served);
      for (String name :
          List.of(
              "link",
              "link.gguf",
              "../secret",
              "../secret/a.gguf",
              "some/../" + MODEL,
              secret.toString(),
              "some/tiny/model.safetensors",
              "")) {
        String body = "{\"model\":\"" + name + "\"}";
        for (String action : List.of("plan", "load", "ticket")) {
          assertThat(act(served, token, action, body).statusCode()).as(name).isEqualTo(404);
        }
      }
      for (String path :
          List.of(
              "/studio/files/../secret",
              "/studio/files/%2e%2e%2fsecret",
              "/studio/files/",
              "/index.html",
              "/uPlot.LICENSE")) {
        assertThat(served.get(path).statusCode()).as(path).isEqualTo(404);
      }
    }
  }

  @Test
  void aFolderIsDownloadedAsOne() {
    try (Served served = serve(Served.settings())) {
      String link =
          Served.json(act(served, token(served), "ticket", "{\"model\":\"" + MODEL + "\"}").body())
              .path("url")
              .stringValue();
      HttpResponse<String> answer = served.get(link);
      assertThat(answer.headers().firstValue("Content-Disposition"))
          .contains("attachment; filename=\"tiny.zip\"");
      assertThat(answer.body()).startsWith("PK").contains("tokenizer.json", "model.safetensors");
      assertThat(served.get(link).statusCode()).isEqualTo(404);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "jobs | {\"kind\":\"convert\",\"model\":\"some/tiny\"} | 400",
        "jobs | {\"kind\":\"convert\",\"model\":\"some/tiny\",\"targets\":[]} | 400",
        "jobs | {\"kind\":\"delete\",\"model\":\"some/tiny\",\"targets\":[\"gguf:Q8_0\"]} | 400",
        "jobs | {\"kind\":\"convert\",\"model\":\"none\",\"targets\":[\"gguf:Q8_0\"]} | 404",
        "jobs | {\"kind\":\"measure\",\"model\":\"some/tiny\",\"targets\":[\"gguf:Q8_0\"],\"chunks\":0} | 400",
        "cancel | {\"id\":\"none\"} | 404",
        "unload | {\"model\":\"tiny\"} | 400",
        "nonsense | {} | 404",
      })
  void refusesNonsense(String action, String body, int status) {
    try (Served served = serve(Served.settings())) {
      assertThat(act(served, token(served), action, body).statusCode()).isEqualTo(status);
      assertThat(state(served).path("jobs").isEmpty()).isTrue();
    }
  }

  @Test
  void saysWhatSuitsADevice() {
    try (Served served = serve(Served.settings())) {
      String token = token(served);
      JsonNode plan =
          Served.json(
              act(served, token, "plan", "{\"model\":\"" + MODEL + "\",\"device\":\"pi5-4gb\"}")
                  .body());
      String best = plan.path("recommended").path("name").stringValue();
      List<JsonNode> found = new ArrayList<>();
      for (JsonNode choice : plan.path("choices")) {
        if (choice.path("name").stringValue().equals(best)) {
          found.add(choice);
        }
        assertThat(choice.has("bytes")).isNotEqualTo(choice.has("obstacle"));
      }
      assertThat(found).hasSize(1);
      assertThat(found.getFirst().path("tokens_per_second").doubleValue()).isPositive();
      assertThat(
              act(served, token, "plan", "{\"model\":\"" + MODEL + "\",\"device\":\"x\"}")
                  .statusCode())
          .isEqualTo(404);
    }
  }

  @Test
  void loadsAndUnloads() {
    try (Served served = serve(Served.settings())) {
      String token = token(served);
      String body = "{\"model\":\"" + MODEL + "\"}";
      assertThat(act(served, token, "load", body).statusCode()).isEqualTo(200);
      assertThat(act(served, token, "load", body).statusCode()).isEqualTo(400);
      String request = "{\"model\":\"" + MODEL + "\",\"prompt\":\"What\",\"max_tokens\":2}";
      assertThat(served.post("/v1/completions", request).statusCode()).isEqualTo(200);
      assertThat(act(served, token, "unload", body).statusCode()).isEqualTo(200);
      assertThat(served.post("/v1/completions", request).statusCode()).isEqualTo(404);
      assertThat(act(served, token, "load", body).statusCode()).isEqualTo(200);
    }
  }

  @Test
  void aJobEndsWhenItIsCancelled() throws InterruptedException {
    try (Served served = serve(Served.settings())) {
      String token = token(served);
      String id =
          Served.json(act(served, token, "jobs", job("measure", "gguf:Q8_0", 256)).body())
              .path("id")
              .stringValue();
      await(served, "running");
      assertThat(act(served, token, "cancel", "{\"id\":\"" + id + "\"}").statusCode())
          .isEqualTo(200);
      await(served, "cancelled");
      // and the next has its turn
      act(served, token, "jobs", job("convert", "gguf:Q4_0", 1));
      await(served, "done");
      assertThat(folder.resolve("tiny-gguf-Q4_0.gguf")).exists();
      // an option could name any file
      for (String target :
          List.of("gguf:NONE", "gguf:IQ2_XS,imatrix=/etc/passwd", "gguf:Q4_0,ep=cuda")) {
        act(served, token, "jobs", job("convert", target, 1));
        await(served, "failed");
        assertThat(newest(served).path("message").stringValue()).contains("expected a target");
      }
      act(served, token, "jobs", job("convert", "onnx:int4,ep=cuda", 1));
      await(served, "done");
    }
  }

  private static void await(Served served, String state) throws InterruptedException {
    for (int i = 0; i < 1000 && !newest(served).path("state").asString("").equals(state); i++) {
      Thread.sleep(30);
    }
    assertThat(newest(served).path("state").asString(""))
        .as(newest(served).toString())
        .isEqualTo(state);
  }

  private static JsonNode newest(Served served) {
    return state(served).path("jobs").path(0);
  }

  @Test
  void aRestartSaysWhatWasInterrupted() throws Exception {
    try (Served served = serve(Served.settings())) {
      String token = token(served);
      act(served, token, "jobs", job("measure", "gguf:Q8_0", 256));
      await(served, "running");
      act(served, token, "jobs", job("convert", "gguf:Q4_0", 1)); // waits
    }
    Path journal = folder.resolve(".phial-studio.json");
    try (Served again = serve(Served.settings())) {
      assertThat(state(again).path("jobs"))
          .hasSize(2)
          .allSatisfy(job -> assertThat(job.path("state").stringValue()).isEqualTo("interrupted"));
    }
    // as after a power cut
    Files.writeString(journal, Files.readString(journal).replace("interrupted", "running"));
    try (Served again = serve(Served.settings())) {
      assertThat(newest(again).path("state").stringValue()).isEqualTo("interrupted");
      assertThat(newest(again).path("message").stringValue()).contains("the server ended");
    }
    for (String damage : List.of("[{\"state\":\"odd\"}]", "{", "7", "")) {
      Files.writeString(journal, damage);
      try (Served again = serve(Served.settings())) {
        assertThat(state(again).path("jobs").isEmpty()).as(damage).isTrue();
      }
    }
  }

  @Test
  void aFolderThatIsNoneIsRefused() {
    StudioSettings none = new StudioSettings(List.of(scratch.resolve("none")), Map.of());
    assertThatThrownBy(() -> new Served(Served.settings(), none))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("expected a folder with models");
  }
}
