package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code phial serve} with 64 clients at once, a third of them ill-behaved. */
final class ServeLoadTest {
  private static final int CLIENTS = 64;
  private static final int ROUNDS = 4;
  private static final int TOKENS = 24;

  @TempDir Path folder;

  private URI url = URI.create("");

  /** What one client does. */
  @FunctionalInterface
  private interface Client {
    void go() throws IOException, InterruptedException;
  }

  @Test
  @EnabledOnOs(OS.LINUX) // where a process tells its threads and memory
  void losesNothingAndGrowsNot() throws Exception {
    try (Serving serving = new Serving(folder, Map.of(), "demo")) {
      url = URI.create(serving.url() + "/");
      round(); // what is compiled and allocated once
      round();
      int threads = threads(serving.pid());
      long memory = memory(serving.pid());
      for (int i = 0; i < ROUNDS; i++) {
        round();
      }
      assertThat(threads(serving.pid())).isLessThanOrEqualTo(threads + 4);
      assertThat(memory(serving.pid())).isLessThanOrEqualTo(memory + (48 << 20));
      assertThat(serving.log()).doesNotContain("\tat ");
      assertThat(serving.terminate()).isEqualTo(128 + 15);
    }
  }

  private void round() throws Exception {
    List<Future<?>> clients = new ArrayList<>();
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
        HttpClient http = HttpClient.newHttpClient()) {
      for (int i = 0; i < CLIENTS; i++) {
        Client client = client(i, http);
        clients.add(
            executor.submit(() -> {
              client.go();
              return null;
            }));
      }
      for (Future<?> client : clients) {
        client.get(); // or what it complains of
      }
      awaitCalm(http);
    }
  }

  private Client client(int number, HttpClient http) {
    return switch (number % 12) {
      case 1 -> this::leave;
      case 3 -> this::sendGarbage;
      case 5 -> this::sendTooMuch;
      case 7 -> this::sendSlowly;
      case 9 -> this::readNothing;
      default -> () -> ask(number, http);
    };
  }

  private void ask(int number, HttpClient http) throws IOException, InterruptedException {
    String body =
        "{\"model\":\"demo\",\"prompt\":\"King number %d\",\"max_tokens\":%d,\"ignore_eos\":true}"
            .formatted(number, TOKENS);
    HttpRequest request =
        HttpRequest.newBuilder(url.resolve("completions"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    var response = http.send(request, BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    JsonNode answer = new JsonMapper().readTree(response.body());
    assertThat(answer.path("usage").path("completion_tokens").intValue()).isEqualTo(TOKENS);
    assertThat(answer.path("choices").get(0).path("text").stringValue()).isNotEmpty();
  }

  private Socket socket() throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), url.getPort());
  }

  private static void write(Socket socket, String text) throws IOException {
    OutputStream out = socket.getOutputStream();
    out.write(text.getBytes(StandardCharsets.US_ASCII));
    out.flush();
  }

  private static String head(long length) {
    return "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        .formatted(length);
  }

  private static String stream() {
    String body =
        "{\"model\":\"demo\",\"prompt\":\"a\",\"max_tokens\":900,\"ignore_eos\":true,\"stream\":true}";
    return head(body.length()) + body;
  }

  /** Goes when the first words come. */
  private void leave() throws IOException {
    try (Socket socket = socket()) {
      write(socket, stream());
      InputStream in = socket.getInputStream();
      assertThat(in.read(new byte[4000])).isPositive();
    }
  }

  private void sendGarbage() throws IOException {
    try (Socket socket = socket()) {
      write(socket, "\u0000\u0001GET\r\n\r\n{]".repeat(50));
      socket.shutdownOutput();
      while (socket.getInputStream().read() >= 0) {
        // an answer, or none
      }
    } catch (IOException e) {
      // the connection was reset
    }
  }

  private void sendTooMuch() throws IOException {
    try (Socket socket = socket()) {
      write(socket, head(1L << 40));
      byte[] answer = new byte[400];
      int count = socket.getInputStream().read(answer);
      assertThat(new String(answer, 0, Math.max(0, count), StandardCharsets.UTF_8)).contains("413");
    }
  }

  private void sendSlowly() throws IOException, InterruptedException {
    try (Socket socket = socket()) {
      for (char c : head(1000).toCharArray()) {
        write(socket, String.valueOf(c));
        Thread.sleep(10);
      }
    }
  }

  private void readNothing() throws IOException, InterruptedException {
    try (Socket socket = socket()) {
      write(socket, stream());
      Thread.sleep(1500);
    }
  }

  /** Waits until nothing is being continued: what nobody waits for must end soon. */
  private void awaitCalm(HttpClient http) throws IOException, InterruptedException {
    HttpRequest metrics = HttpRequest.newBuilder(url.resolve("/metrics")).build();
    for (int i = 0; i < 300; i++) {
      String text = http.send(metrics, BodyHandlers.ofString()).body();
      if (text.contains("phial_texts_active{model=\"demo\"} 0")
          && text.contains("phial_texts_waiting{model=\"demo\"} 0")) {
        return;
      }
      Thread.sleep(100);
    }
    throw new AssertionError("texts are continued for nobody");
  }

  private static int threads(long pid) throws IOException {
    try (Stream<Path> tasks = Files.list(Path.of("/proc", "" + pid, "task"))) {
      return (int) tasks.count();
    }
  }

  /** Bytes of its own that a process has in memory. */
  private static long memory(long pid) throws IOException {
    return Files.readAllLines(Path.of("/proc", "" + pid, "status")).stream()
        .filter(line -> line.startsWith("RssAnon:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
        .findFirst()
        .orElseThrow();
  }
}
