package dev.phial.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.engine.Fixtures;
import dev.phial.source.Arrivals;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A model that is read while it arrives is the model, or none. */
@Timeout(60)
final class StreamedModelTest {
  private static final String ID = "microsoft/tiny-phi";

  private final HubServer server = new HubServer();

  @TempDir private Path folder;

  @AfterEach
  void stop() {
    server.close();
  }

  private Hub hub() {
    HubSettings settings =
        new HubSettings(
            server.endpoint(), Optional.empty(), folder.resolve("cache"), false, Optional.empty());
    return Hub.open(settings, HubTest.LITTLE);
  }

  @Test
  void opensAModelWhereItIs() throws IOException {
    Path model = Fixtures.model("tiny-phi3");
    server.offer(ID, model);
    try (Hub hub = hub();
        Checkpoint streamed = hub.stream(HubId.of(ID).orElseThrow());
        Checkpoint local = Sources.open(model)) {
      assertThat(streamed.tensors().keySet()).isEqualTo(local.tensors().keySet());
      assertThat(streamed.hashes().values()).containsExactlyElementsOf(local.hashes().values());
      streamed
          .tensors()
          .forEach((name, tensor) ->
              assertThat(tensor.hasNumbersOf(Objects.requireNonNull(local.tensors().get(name))))
                  .isTrue());
    }
  }

  /**
   * A file takes room from when it is begun until it is finished, and is read again all the same.
   */
  @Test
  void keepsOneFileAtATime() throws Exception {
    byte[] content = new byte[8_000_000];
    new Random(2).nextBytes(content);
    Map<String, byte[]> model = new TreeMap<>();
    for (String name : List.of("config.json", "tokenizer_config.json")) {
      model.put(name, Files.readAllBytes(Fixtures.model("phi4-mini").resolve(name)));
    }
    for (int i = 1; i <= 3; i++) {
      byte[] header =
          "{\"t%d\": {\"dtype\": \"F32\", \"shape\": [1000, 2000], \"data_offsets\": [0, 8000000]}}"
              .formatted(i)
              .getBytes(StandardCharsets.UTF_8);
      model.put(
          "model-0000%d-of-00003.safetensors".formatted(i),
          ByteBuffer.allocate(8 + header.length + content.length)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(header.length)
              .put(header)
              .put(content)
              .array());
    }
    server.offer(ID, model);
    float[] row = new float[2000];
    try (Hub hub = hub();
        Checkpoint streamed = hub.stream(HubId.of(ID).orElseThrow())) {
      Arrivals arrivals = streamed.arrivals().orElseThrow();
      List<Tensor> tensors = List.copyOf(streamed.tensors().values());
      assertThat(kilobytes(streamed.path())).isLessThan(4000);
      tensors.get(2).read(999, 1, row, 0); // before it is begun
      float expected = row[17];
      for (int i = 0; i < 3; i++) {
        Path file = streamed.files().get(i);
        arrivals.begin(file);
        tensors.get(i).read(999, 1, row, 0);
        assertThat(row[17]).isEqualTo(expected);
        arrivals.finish(file);
        assertThat(kilobytes(streamed.path())).isLessThan(4000);
        tensors.get(i).read(0, 1, row, 0); // once more
      }
    }
  }

  private static long kilobytes(Path folder) throws Exception {
    Process du = new ProcessBuilder("du", "-sk", folder.toString()).start();
    return Long.parseLong(
        new String(du.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\\s", 2)[0]);
  }

  @Test
  void refusesAStreamedFileThatIsAnother() {
    server.offer(ID, Fixtures.model("tiny-phi3"));
    AtomicInteger times = new AtomicInteger();
    server.failing(
        "model.safetensors",
        (exchange, content) -> {
          byte[] other = content.clone();
          other[other.length - 1] ^= 1;
          HubServer.send(exchange, times.incrementAndGet() < 2 ? content : other);
          return true;
        });
    try (Hub hub = hub();
        Checkpoint streamed = hub.stream(HubId.of(ID).orElseThrow())) {
      Arrivals arrivals = streamed.arrivals().orElseThrow();
      Path file = streamed.files().getFirst();
      arrivals.begin(file);
      assertThatThrownBy(() -> arrivals.finish(file)).hasMessageContaining("expected the hash");
    }
  }

  /** Whoever reads while it arrives must have read what it turns out to be. */
  @Test
  void refusesAStreamedFileThatBecomesAnother() {
    server.offer(ID, Fixtures.model("tiny-phi3"));
    AtomicInteger times = new AtomicInteger();
    server.failing(
        "model.safetensors",
        (exchange, content) -> {
          if (exchange.getRequestHeaders().getFirst("Range") != null && times.get() == 0) {
            return false; // the header
          }
          if (times.incrementAndGet() == 1) {
            byte[] other = content.clone();
            other[1_500_000] ^= 1;
            return HubTest.cut(exchange, other, 4_000_000);
          }
          exchange.sendResponseHeaders(200, content.length);
          exchange.getResponseBody().write(content);
          return true;
        });
    try (Hub hub = hub();
        Checkpoint streamed = hub.stream(HubId.of(ID).orElseThrow())) {
      Arrivals arrivals = streamed.arrivals().orElseThrow();
      Path file = streamed.files().getFirst();
      arrivals.begin(file);
      assertThatThrownBy(() -> arrivals.finish(file)).hasMessageContaining("sent before");
    }
  }
}
