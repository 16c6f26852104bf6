package dev.phial.conformance;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Chromium without a window, told what to do by its own protocol: {@code PHIAL_CHROMIUM}, or the
 * first on the path.
 */
final class Chromium implements AutoCloseable {
  private static final List<String> BROWSERS =
      List.of("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell");

  private static final JsonMapper JSON = new JsonMapper();
  private static final String LISTENING = "DevTools listening on ";
  private static final int PATIENCE = 120; // seconds

  private final Process process;
  private final HttpClient http = HttpClient.newHttpClient();
  private final WebSocket socket;
  private final BlockingQueue<JsonNode> messages = new LinkedBlockingQueue<>();
  private final List<String> complaints = new ArrayList<>();
  private int last;

  /**
   * @param folder for its profile
   */
  Chromium(Path browser, Path folder) throws IOException, InterruptedException {
    List<String> words = new ArrayList<>(List.of(browser.toString()));
    words.addAll(options(Files.createTempDirectory(folder, "profile")));
    words.addAll(List.of("--remote-debugging-port=0", "about:blank"));
    process =
        new ProcessBuilder(words).redirectErrorStream(true).directory(folder.toFile()).start();
    BufferedReader said = process.inputReader(StandardCharsets.UTF_8);
    String line = said.readLine();
    while (line != null && !line.startsWith(LISTENING)) {
      line = said.readLine();
    }
    if (line == null) {
      throw new AssertionError("Chromium does not start");
    }
    Thread.ofVirtual().start(() -> said.lines().forEach(_ -> {}));
    URI address = URI.create(line.substring(LISTENING.length()).strip());
    String list =
        http.send(
                HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + address.getPort() + "/json/list"))
                    .build(),
                BodyHandlers.ofString())
            .body();
    String page = "";
    for (JsonNode target : JSON.readTree(list)) {
      if (target.path("type").asString("").equals("page")) {
        page = target.path("webSocketDebuggerUrl").asString("");
      }
    }
    socket = http.newWebSocketBuilder().buildAsync(URI.create(page), new Listener()).join();
    for (String domain : List.of("Page", "Runtime", "Log")) {
      call(domain + ".enable", Map.of());
    }
  }

  static Optional<Path> find() {
    String given = System.getenv("PHIAL_CHROMIUM");
    if (given != null) {
      return Optional.of(Path.of(given));
    }
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
        .flatMap(directory -> BROWSERS.stream().map(name -> Path.of(directory, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * @param profile a folder of its own
   */
  static List<String> options(Path profile) {
    return List.of(
        "--headless",
        "--no-sandbox", // root has none; the pages are ours
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--user-data-dir=" + profile);
  }

  /** Puts the parts of messages together. */
  private final class Listener implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence data, boolean isLast) {
      text.append(data);
      if (isLast) {
        messages.add(JSON.readTree(text.toString()));
        text.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  private JsonNode call(String method, Map<String, ?> parameters) {
    int id = ++last;
    ObjectNode message = JSON.createObjectNode().put("id", id).put("method", method);
    message.set("params", JSON.valueToTree(parameters));
    socket.sendText(message.toString(), true).join();
    try {
      while (true) {
        JsonNode answer = messages.poll(PATIENCE, TimeUnit.SECONDS);
        if (answer == null) {
          throw new AssertionError(method + " is not answered");
        }
        if (answer.path("id").asInt(0) == id) {
          if (answer.has("error")) {
            throw new AssertionError(method + ": " + answer.path("error"));
          }
          return answer.path("result");
        }
        notice(answer);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private void notice(JsonNode event) {
    String method = event.path("method").asString("");
    if (method.equals("Runtime.exceptionThrown")
        || method.equals("Log.entryAdded")
            && event.path("params").path("entry").path("level").asString("").equals("error")) {
      complaints.add(event.path("params").toString());
    }
  }

  /** Errors of scripts, and what was refused to them. */
  List<String> complaints() {
    evaluate("1"); // what was said before is heard then
    return List.copyOf(complaints);
  }

  /** Opens a page, in a window of that size. */
  void open(String url, int width, int height, boolean isDark) {
    size(width, height, isDark);
    call("Page.navigate", Map.of("url", url));
    await("document.readyState === 'complete' && location.href !== 'about:blank'");
  }

  void size(int width, int height, boolean isDark) {
    call(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 500));
    call(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(Map.of("name", "prefers-color-scheme", "value", isDark ? "dark" : "light"))));
  }

  /** The value of an expression, or of what it promises. */
  JsonNode evaluate(String expression) {
    JsonNode result =
        call(
            "Runtime.evaluate",
            Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
    if (result.has("exceptionDetails")) {
      throw new AssertionError(expression + ": " + result.path("exceptionDetails"));
    }
    return result.path("result").path("value");
  }

  /** Waits until a condition holds. */
  void await(String condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE);
    while (System.nanoTime() < end) {
      if (evaluate("Boolean(" + condition + ")").asBoolean(false)) {
        return;
      }
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError(e);
      }
    }
    throw new AssertionError(
        condition
            + " does not come true; the page says: "
            + evaluate("document.body.innerText").asString(""));
  }

  /** A picture of the whole page. */
  void screenshot(Path file) throws IOException {
    JsonNode picture =
        call("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true));
    Files.write(file, Base64.getDecoder().decode(picture.path("data").asString("")));
  }

  @Override
  public void close() {
    socket.abort();
    process.destroyForcibly();
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
