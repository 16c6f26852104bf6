package dev.phial.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import dev.phial.PhialException;
import dev.phial.engine.Fixtures;
import dev.phial.io.Progress;
import dev.phial.source.Checkpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models come from a hub that works, and from one that does not. */
@Timeout(60)
final class HubTest {
  private static final String ID = "microsoft/tiny-phi";
  static final HubClient.Patience LITTLE =
      new HubClient.Patience(Duration.ofMillis(5), Duration.ofMillis(300));

  private final HubServer server = new HubServer();
  private final Map<String, byte[]> files = files();

  @TempDir private Path folder;

  @AfterEach
  void stop() {
    server.close();
  }

  /** A model as it could be, whose weights are no weights. */
  private static Map<String, byte[]> files() {
    byte[] weights = new byte[3_000_000];
    new Random(1).nextBytes(weights);
    Map<String, byte[]> files = new TreeMap<>();
    files.put("config.json", "{\"b\": 2}".getBytes(StandardCharsets.UTF_8));
    files.put("tokenizer.model", new byte[] {1, 2, 3});
    files.put("README.md", "# hello".getBytes(StandardCharsets.UTF_8));
    files.put("figure.png", new byte[] {1});
    files.put("model-00001-of-00002.safetensors", weights);
    files.put("model-00002-of-00002.safetensors", Arrays.copyOf(weights, 70_000));
    files.put("model.safetensors.index.json", "{}".getBytes(StandardCharsets.UTF_8));
    files.put("pytorch_model.bin", weights);
    files.put("onnx/genai_config.json", "{}".getBytes(StandardCharsets.UTF_8));
    files.put("onnx/model.onnx", new byte[0]);
    return files;
  }

  private HubSettings settings(Optional<String> token, boolean offline) {
    return new HubSettings(
        server.endpoint(), token, folder.resolve("cache"), offline, Optional.empty());
  }

  private Hub hub() {
    return Hub.open(settings(Optional.empty(), false), LITTLE);
  }

  private Hub.Pulled pull(String id) {
    try (Hub hub = hub()) {
      return hub.pull(HubId.of(id).orElseThrow(), Hub.Part.ALL, Progress.NONE);
    }
  }

  private void assertComplete(Path snapshot) throws IOException {
    try (Stream<Path> found = Files.list(snapshot)) {
      assertThat(found.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "config.json",
              "tokenizer.model",
              "README.md",
              "model-00001-of-00002.safetensors",
              "model-00002-of-00002.safetensors",
              "model.safetensors.index.json");
    }
    for (Path file : list(snapshot)) {
      assertThat(file).hasBinaryContent(files.get(file.getFileName().toString()));
    }
    assertThat(list(snapshot.resolve("../../blobs")))
        .noneMatch(file -> file.toString().endsWith("incomplete"));
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> found = Files.list(folder)) {
      return found.toList();
    }
  }

  @Test
  void bringsWhatAConversionNeedsOnce() throws IOException {
    server.offer(ID, files);
    Hub.Pulled pulled = pull(ID);
    assertComplete(pulled.path());
    assertThat(pulled.fetched()).isEqualTo(pulled.bytes()).isPositive();
    assertThat(pulled.path())
        .isEqualTo(
            folder
                .resolve("cache/models--microsoft--tiny-phi/snapshots")
                .resolve(server.commit(ID)));
    assertThat(folder.resolve("cache/models--microsoft--tiny-phi/refs/main"))
        .hasContent(server.commit(ID));
    server.asked.clear();
    assertThat(pull(ID).fetched()).isZero();
    assertThat(server.filesAsked()).isEmpty();
  }

  @Test
  void bringsAFolderOrAFileOfARepository() {
    server.offer(ID, files);
    assertThat(pull(ID + "/onnx").path().resolve("model.onnx")).isEmptyFile();
    assertThat(pull(ID + "/README.md").path()).hasContent("# hello");
    assertThat(pull("hf:" + ID + "@" + server.commit(ID) + "/README.md").path())
        .hasContent("# hello");
    assertThat(pull("https://huggingface.co/" + ID + "/blob/main/README.md").path())
        .hasContent("# hello");
  }

  @Test
  void bringsWhatIsNew() throws IOException {
    server.offer(ID, files);
    pull(ID);
    files.put("config.json", "{\"a\": 1}".getBytes(StandardCharsets.UTF_8));
    server.offer(ID, files);
    server.asked.clear();
    assertComplete(pull(ID).path());
    assertThat(server.filesAsked()).containsExactly("config.json");
  }

  @Test
  void asksForWhatAListingDoesNotTell() throws IOException {
    server.offer(ID, files).tellingNamesOnly();
    assertComplete(pull(ID).path());
    assertThat(server.asked.stream().filter(asked -> asked.method().equals("HEAD")))
        .hasSize(6)
        .allMatch(asked -> asked.server().equals("hub"));
    server.asked.clear();
    assertThat(pull(ID).fetched()).isZero();
    assertThat(server.asked.stream().filter(asked -> asked.method().equals("GET"))).hasSize(1);
    server.offer(ID, new TreeMap<>(Map.of("a.gguf", new byte[3], "b.gguf", new byte[4])));
    assertThatThrownBy(() -> pull(ID)).hasMessageContaining("found a.gguf, b.gguf; say which");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\"0123456789abcdef\""})
  void refusesAFileOfWhichNoHashIsTold(String hash) {
    server.offer(ID, files).tellingNamesOnly();
    server.failing(
        "/" + ID + "/resolve/" + server.commit(ID) + "/README.md",
        (exchange, content) -> {
          exchange.getResponseHeaders().set("ETag", hash);
          exchange.sendResponseHeaders(200, -1);
          return true;
        });
    assertThatThrownBy(() -> pull(ID))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("README.md")
        .hasMessageContaining("hash");
    assertThat(folder.resolve("cache")).doesNotExist();
  }

  private Hub.Pulled pullInto(Path to, boolean force) {
    HubSettings settings = settings(Optional.empty(), false);
    try (Hub hub = Hub.open(settings, LITTLE, new LocalFolder(to, force))) {
      return hub.pull(HubId.of(ID).orElseThrow(), Hub.Part.ALL, Progress.NONE);
    }
  }

  @Test
  void bringsAModelIntoAFolder() throws IOException {
    server.offer(ID, files);
    Path to = folder.resolve("mine");
    assertThat(pullInto(to, false).path()).isEqualTo(to);
    assertThat(to.toFile().list()).hasSize(6);
    for (Path file : list(to)) {
      assertThat(file).isRegularFile().hasBinaryContent(files.get(file.getFileName().toString()));
    }
    assertThat(folder.resolve("cache")).doesNotExist();
    assertThat(pullInto(to, false).fetched()).isZero();

    Path config = to.resolve("config.json");
    Files.writeString(config, "{\"b\": 3}"); // as long, but another
    assertThatThrownBy(() -> pullInto(to, false))
        .isInstanceOf(PhialException.OutputFailed.class)
        .hasMessageContaining("--force");
    assertThat(config).hasContent("{\"b\": 3}");
    assertThat(pullInto(to, true).fetched()).isEqualTo(8);
    assertThat(config).hasContent("{\"b\": 2}");
  }

  @Test
  void goesOnInAFolderWhereAConnectionBroke() throws IOException {
    server.offer(ID, files);
    String name = "model-00001-of-00002.safetensors";
    server.failing(name, (exchange, content) -> cut(exchange, content, 700_000));
    Path to = folder.resolve("mine");
    assertThatThrownBy(() -> pullInto(to, false)).hasMessageContaining(name);
    assertThat(to.resolve(name)).doesNotExist();
    server.failing(name, (exchange, content) -> false);
    server.asked.clear();
    pullInto(to, false);
    assertThat(to.resolve(name)).hasBinaryContent(files.get(name));
    assertThat(server.asked.stream().flatMap(asked -> asked.range().stream())).hasSize(2);
    assertThat(to.toFile().list()).hasSize(6);
  }

  @Test
  void staysOffline() throws IOException {
    server.offer(ID, files);
    try (Hub hub = Hub.open(settings(Optional.empty(), true), LITTLE)) {
      HubId id = HubId.of(ID).orElseThrow();
      assertThatThrownBy(() -> hub.pull(id, Hub.Part.ALL, Progress.NONE))
          .hasMessageContaining("HF_HUB_OFFLINE");
      assertThatThrownBy(() -> hub.stream(id)).hasMessageContaining("HF_HUB_OFFLINE");
      assertThat(server.asked).isEmpty();
      pull(ID);
      server.asked.clear();
      assertComplete(hub.pull(id, Hub.Part.ALL, Progress.NONE).path());
      assertThat(server.asked).isEmpty();
    }
  }

  @Test
  void usesWhatIsHereIfTheHubCannotBeReached() throws IOException {
    server.offer(ID, files);
    pull(ID);
    server.close();
    Hub.Pulled pulled = pull(ID);
    assertComplete(pulled.path());
    assertThat(pulled.notes().getFirst()).contains("cannot be reached");
  }

  @Test
  void tellsTheTokenToNobodyButTheHub() {
    server.offer(ID, files);
    try (Hub hub = Hub.open(settings(Optional.of("hf_secret"), false), LITTLE)) {
      hub.pull(HubId.of(ID).orElseThrow(), Hub.Part.ALL, Progress.NONE);
    }
    assertThat(server.asked.stream().filter(asked -> asked.server().equals("hub")))
        .allMatch(asked -> asked.token().equals(Optional.of("Bearer hf_secret")));
    assertThat(server.asked.stream().filter(asked -> asked.server().equals("store")))
        .isNotEmpty()
        .allMatch(asked -> asked.token().isEmpty());
    assertThat(settings(Optional.of("hf_secret"), false).toString()).doesNotContain("secret");
  }

  @Test
  void goesOnWhereAConnectionBroke() throws IOException {
    server.offer(ID, files);
    AtomicInteger cuts = new AtomicInteger();
    server.failing(
        "model-00001-of-00002.safetensors",
        (exchange, content) -> {
          cuts.incrementAndGet();
          return cuts.get() < 4 && cut(exchange, content, 700_000);
        });
    assertComplete(pull(ID).path());
    assertThat(server.asked.stream().flatMap(asked -> asked.range().stream()).distinct())
        .hasSize(3) // each from where it was, give or take what had not been read
        .allMatch(range -> range.matches("bytes=[1-9]\\d{5,6}-"));
  }

  /** Promises all that is asked for, and sends some of it. */
  static boolean cut(HttpExchange exchange, byte[] content, int bytes) throws IOException {
    String range = exchange.getRequestHeaders().getFirst("Range");
    int first = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    exchange
        .getResponseHeaders()
        .set(
            "Content-Range", "bytes %d-%d/%d".formatted(first, content.length - 1, content.length));
    exchange.sendResponseHeaders(first == 0 ? 200 : 206, content.length - first);
    exchange.getResponseBody().write(content, first, bytes);
    exchange.getResponseBody().flush();
    return true;
  }

  /** Leaves of a file what a process that ended would have. */
  private void leave(byte[] bytes) throws IOException {
    String name = "model-00001-of-00002.safetensors";
    server.failing(
        name,
        (exchange, content) -> {
          exchange.sendResponseHeaders(500, -1);
          return true;
        });
    assertThatThrownBy(() -> pull(ID)).hasMessageContaining("status 500");
    Path part =
        list(folder.resolve("cache/models--microsoft--tiny-phi/blobs")).stream()
            .filter(file -> file.toString().endsWith("incomplete"))
            .findFirst()
            .orElseThrow();
    Files.write(part, bytes);
    server.failing(name, (exchange, content) -> false);
    server.asked.clear();
  }

  @Test
  void goesOnWhereAProcessEnded() throws IOException {
    server.offer(ID, files);
    leave(
        Arrays.copyOf(Objects.requireNonNull(files.get("model-00001-of-00002.safetensors")), 1000));
    assertComplete(pull(ID).path());
    assertThat(server.asked.stream().flatMap(asked -> asked.range().stream()))
        .contains("bytes=1000-");
  }

  @Test
  void startsOverWhereWhatCameBeforeIsOfAnotherFile() throws IOException {
    server.offer(ID, files);
    leave(new byte[5000]);
    assertComplete(pull(ID).path());
  }

  @Test
  void startsOverWhereMoreCameBeforeThanThereIs() throws IOException {
    server.offer(ID, files);
    leave(new byte[4_000_000]);
    assertComplete(pull(ID).path());
  }

  @Test
  void comesAgainToABusyHub() throws IOException {
    server.offer(ID, files);
    AtomicInteger refused = new AtomicInteger();
    HubServer.Fault busy =
        (exchange, content) -> {
          if (refused.incrementAndGet() > 3) {
            return false;
          }
          exchange.getResponseHeaders().set("Retry-After", "0");
          exchange.sendResponseHeaders(refused.get() == 1 ? 429 : 503, -1);
          return true;
        };
    server.failing("/api/models/" + ID + "/revision/main", busy);
    assertComplete(pull(ID).path());
    assertThat(refused.get()).isEqualTo(4);
  }

  @Test
  void saysThatTheHubIsBusy() {
    server.offer(ID, files);
    server.failing(
        "/api/models/" + ID + "/revision/main",
        (exchange, content) -> {
          exchange.sendResponseHeaders(503, -1);
          return true;
        });
    assertThatThrownBy(() -> pull(ID))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("status 503")
        .hasMessageContaining("try again later");
  }

  @Test
  void refusesOtherBytes() throws IOException {
    server.offer(ID, Map.of("model.gguf", new byte[] {1, 2, 3}));
    server.failing(
        "model.gguf",
        (exchange, content) -> {
          HubServer.send(exchange, new byte[content.length]);
          return true;
        });
    assertThatThrownBy(() -> pull(ID)).hasMessageContaining("expected the hash");
    assertThat(list(folder.resolve("cache/models--microsoft--tiny-phi/blobs")))
        .allMatch(file -> file.toFile().length() == 0);
  }

  /** A power cut may leave a name with half of what belongs to it. */
  @Test
  void bringsWhatIsHereInPartOnly() throws IOException {
    server.offer(ID, files);
    Path weights = pull(ID).path().resolve("model-00001-of-00002.safetensors").toRealPath();
    Files.write(weights, new byte[1000]);
    assertComplete(pull(ID).path());
  }

  @Test
  void usesWhatIsHereWithoutBringingWhatIsNew() {
    server.offer(ID, Fixtures.model("tiny-phi3"));
    pull(ID);
    server.asked.clear();
    try (Hub hub = hub();
        Checkpoint here = hub.stream(HubId.of(ID).orElseThrow())) {
      assertThat(here.arrivals()).isEmpty();
    }
    Map<String, byte[]> newer = new TreeMap<>(files);
    server.offer(ID, newer);
    server.asked.clear();
    try (Hub hub = hub()) {
      assertThatThrownBy(() -> hub.stream(HubId.of(ID).orElseThrow()));
    }
    assertThat(server.asked.stream().filter(asked -> asked.path().endsWith(".safetensors")))
        .allMatch(asked -> asked.server().equals("hub") || asked.range().isPresent());
  }

  @Test
  void bringsAllPartsOfASplitFile() {
    server.offer(
        ID, Map.of("m-00001-of-00002.gguf", new byte[3], "m-00002-of-00002.gguf", new byte[4]));
    Path first = pull(ID).path();
    assertThat(first).hasFileName("m-00001-of-00002.gguf");
    assertThat(first.resolveSibling("m-00002-of-00002.gguf")).hasBinaryContent(new byte[4]);
    server.offer(
        ID,
        new TreeMap<>(
            Map.of(
                "m-00001-of-00002.gguf", new byte[3],
                "m-00002-of-00002.gguf", new byte[5],
                "n.gguf", new byte[2])));
    assertThatThrownBy(() -> pull(ID))
        .hasMessageContaining("found m-00001-of-00002.gguf (8 bytes), n.gguf (2 bytes)");
    assertThat(pull(ID + "/m-00002-of-00002.gguf").path().resolveSibling("m-00002-of-00002.gguf"))
        .hasBinaryContent(new byte[5]);
  }

  @Test
  void refusesMoreBytesThanPromised() {
    server.offer(ID, files);
    server.failing(
        "model-00001-of-00002.safetensors",
        (exchange, content) -> {
          HubServer.send(exchange, Arrays.copyOf(content, content.length + 5));
          return true;
        });
    assertThatThrownBy(() -> pull(ID)).hasMessageContaining("sends more");
  }

  @Test
  void startsOverAtAServerWithoutRanges() throws IOException {
    server.offer(ID, files);
    AtomicInteger times = new AtomicInteger();
    server.failing(
        "model-00001-of-00002.safetensors",
        (exchange, content) -> {
          if (times.incrementAndGet() == 1) {
            return cut(exchange, content, 100_000);
          }
          exchange.sendResponseHeaders(200, content.length);
          exchange.getResponseBody().write(content);
          return true;
        });
    assertComplete(pull(ID).path());
  }

  @Test
  void doesNotWaitForAServerThatFallsSilent() throws IOException {
    server.offer(ID, files);
    AtomicInteger times = new AtomicInteger();
    server.failing(
        "model-00001-of-00002.safetensors",
        (exchange, content) -> {
          if (times.incrementAndGet() > 1) {
            return false;
          }
          exchange.sendResponseHeaders(200, content.length);
          exchange.getResponseBody().write(content, 0, 100_000);
          exchange.getResponseBody().flush();
          try {
            Thread.sleep(2000);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return true;
        });
    assertComplete(pull(ID).path());
    assertThat(times.get()).isEqualTo(2);
  }

  @Test
  void saysWhatRefusalsMean() {
    server.offer(ID, files);
    assertThatThrownBy(() -> pull("microsoft/Phi-4-mini-instuct"))
        .hasMessageContaining("there is no model microsoft/Phi-4-mini-instuct")
        .hasMessageContaining("microsoft/Phi-4-mini-instruct is one")
        .hasMessageContaining("HF_TOKEN");
    assertThatThrownBy(() -> pull(ID + "@v9")).hasMessageContaining("no revision v9");
    server.failing(
        "/api/models/microsoft/mine/revision/main",
        (exchange, content) -> {
          exchange
              .getResponseHeaders()
              .set("X-Error-Message", "Invalid credentials in Authorization header");
          exchange.sendResponseHeaders(401, -1);
          return true;
        });
    assertThatThrownBy(() -> pull("microsoft/mine")).hasMessageContaining("does not accept");
    server.failing(
        "/" + ID + "/resolve/" + server.commit(ID) + "/config.json",
        (exchange, content) -> {
          HubServer.refuse(exchange, 403, "GatedRepo");
          return true;
        });
    assertThatThrownBy(() -> pull(ID))
        .hasMessageContaining("is gated: accept its terms at " + server.endpoint());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../../escape.json",
        "/etc/config.json",
        "a/../../config.json",
        "a\\\\..\\\\config.json",
        "C:config.json",
        "a//config.json"
      })
  void refusesNamesThatLeaveTheFolder(String name) {
    server.failing(
        "/api/models/" + ID + "/revision/main",
        (exchange, content) -> {
          byte[] body =
              """
              {"sha": "%s", "siblings": [{"rfilename": "%s", "size": 2,
               "blobId": "%s"}]}\
              """
                  .formatted("a".repeat(40), name, "b".repeat(40))
                  .getBytes(StandardCharsets.UTF_8);
          HubServer.send(exchange, body);
          return true;
        });
    assertThatThrownBy(() -> pull(ID))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("do not trust this model");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "<html>log in</html>", "[]", "{}", "{\"sha\": 1, \"siblings\": {}}"})
  void refusesWhatIsNoAnswerOfAHub(String body) {
    server.failing(
        "/api/models/" + ID + "/revision/main",
        (exchange, content) -> {
          HubServer.send(exchange, body.getBytes(StandardCharsets.UTF_8));
          return true;
        });
    assertThatThrownBy(() -> pull(ID))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("HF_ENDPOINT");
  }

  @Test
  void saysWhichModelsARepositoryHas() {
    server.offer(
        ID,
        new TreeMap<>(
            Map.of("a.gguf", new byte[3], "b.gguf", new byte[4], "x/config.json", new byte[2])));
    assertThatThrownBy(() -> pull(ID))
        .hasMessageContaining("a.gguf (3 bytes)")
        .hasMessageContaining("x; say which, such as " + ID + "/a.gguf");
    assertThat(pull(ID + "/a.gguf").path()).hasBinaryContent(new byte[3]);
    server.offer(ID, Map.of("notes.txt", new byte[3]));
    assertThatThrownBy(() -> pull(ID)).hasMessageContaining("found none of them");
  }

  @Test
  void twoAtOnceBringItOnce() throws Exception {
    server.offer(ID, files);
    List<CompletableFuture<Hub.Pulled>> pulls =
        Stream.generate(() -> CompletableFuture.supplyAsync(() -> pull(ID))).limit(4).toList();
    for (CompletableFuture<Hub.Pulled> pulled : pulls) {
      assertComplete(pulled.get().path());
    }
    assertThat(
            server.filesAsked().stream()
                .filter(name -> name.equals("model-00001-of-00002.safetensors")))
        .hasSize(1);
  }

  @Test
  void refusesToStreamWhatTellsTooLateWhatItIs() {
    Map<String, byte[]> older = new TreeMap<>(files);
    older.keySet().removeIf(name -> name.contains("safetensors"));
    server.offer(ID, older);
    try (Hub hub = hub()) {
      assertThatThrownBy(() -> hub.stream(HubId.of(ID).orElseThrow()))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining("phial pull " + ID);
    }
  }
}
