package dev.phial.server;

import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server of the small model, and a client of it. */
final class Served implements AutoCloseable {
  static final Path MODEL = model("tiny-phi3");

  private static final JsonMapper JSON = new JsonMapper();

  private final Checkpoint checkpoint = Sources.open(MODEL);
  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final Server server;

  /** A model among the fixtures. */
  static Path model(String name) {
    return Objects.requireNonNull(Path.of("").toAbsolutePath().getParent())
        .resolve("fixtures/models")
        .resolve(name);
  }

  Served(ServerSettings settings) {
    this(settings, StudioSettings.NONE);
  }

  Served(ServerSettings settings, StudioSettings reached) {
    server = Server.start(settings, Map.of("tiny", checkpoint), reached);
  }

  static ServerSettings settings() {
    return settings(8, 64, 256_000_000, Duration.ofSeconds(60));
  }

  static ServerSettings settings(int parallel, int queue, long memory, Duration time) {
    return new ServerSettings(
        "127.0.0.1",
        0,
        Optional.empty(),
        List.of(),
        1 << 20,
        parallel,
        queue,
        OptionalInt.empty(),
        OptionalInt.empty(),
        memory,
        time,
        2);
  }

  static ServerSettings settings(String key) {
    ServerSettings usual = settings();
    return new ServerSettings(
        usual.host(),
        usual.port(),
        Optional.of(key),
        List.of("phial.example"),
        usual.body(),
        usual.parallel(),
        usual.queue(),
        usual.most(),
        usual.context(),
        usual.memory(),
        usual.time(),
        usual.threads());
  }

  Server server() {
    return server;
  }

  int port() {
    return server.address().getPort();
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path));
  }

  HttpResponse<String> send(HttpRequest.Builder request) {
    try {
      return client.send(request.build(), BodyHandlers.ofString());
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  HttpResponse<String> get(String path) {
    return send(request(path));
  }

  HttpResponse<String> post(String path, String body) {
    return send(
        request(path)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  /** The answer to a request that succeeds. */
  JsonNode ask(String path, String body) {
    HttpResponse<String> response = post(path, body);
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + " " + response.body());
    }
    return JSON.readTree(response.body());
  }

  static JsonNode json(String text) {
    return JSON.readTree(text);
  }

  /** The data of a stream's events; the last one is no JSON. */
  List<JsonNode> stream(String path, String body) {
    String text = post(path, body).body();
    List<String> events = List.of(text.strip().split("\n\n", -1));
    if (!events.getLast().equals("data: [DONE]")) {
      throw new AssertionError(text);
    }
    return events.stream()
        .limit(events.size() - 1L)
        .filter(event -> !event.startsWith(":"))
        .map(event -> JSON.readTree(event.substring("data: ".length())))
        .toList();
  }

  /** A number among the metrics. */
  double metric(String name) {
    return get("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow();
  }

  @Override
  public void close() {
    server.close();
    checkpoint.close();
  }
}
