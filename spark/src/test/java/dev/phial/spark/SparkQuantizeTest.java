package dev.phial.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.cli.Main;
import dev.phial.engine.work.Job;
import dev.phial.engine.work.Workers;
import dev.phial.source.Checkpoint;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What executors make is what one machine makes, whatever happens to them; or it is not there. */
final class SparkQuantizeTest {
  @TempDir private Path folder;

  @Test
  void everyTargetIsThatOfOneMachine() throws IOException {
    String[] targets = {
      "gguf:Q4_K_M",
      "onnx:int4",
      "onnx:w8a8,calibration-chunks=1",
      "mlx:4",
      "openvino:int4",
      "litert:int4",
      "torch:w4a16",
      "torch:nvfp4",
      "gptq:4",
      "awq:4"
    };
    assertThat(quantize(Optional.empty(), "here", targets)).isZero();
    assertThat(onSpark("there", targets)).isZero();
    assertSame("here", "there");
    assertThat(folder.toFile().list()).containsExactlyInAnyOrder("here", "there");
  }

  @Test
  void adaptersAreAddedByExecutors() throws IOException {
    String[] lora = {"--lora", adapter().toString(), "--lora-scale", "0.5"};
    assertThat(Main.run(with(words("plain", "gguf:Q8_0")))).isZero();
    assertThat(Main.run(with(words("here", "gguf:Q8_0"), lora))).isZero();
    try (SparkWorkers workers = workers()) {
      String[] words = with(words("there", "gguf:Q8_0"), lora);
      assertThat(Main.run(Optional.of(workers), words)).isZero();
    }
    assertSame("here", "there");
    String file = "tiny-phi3-gguf-Q8_0.gguf";
    assertThat(
            Files.mismatch(
                folder.resolve("plain").resolve(file), folder.resolve("here").resolve(file)))
        .isNotNegative();
  }

  /** For one matrix, of 256 rows and columns; its numbers are all alike. */
  private Path adapter() throws IOException {
    Path adapter = Files.createDirectory(folder.resolve("adapter"));
    Files.writeString(
        adapter.resolve("adapter_config.json"),
        """
        {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["o_proj"]}
        """);
    String tensor =
        """
        "base_model.model.model.layers.0.self_attn.o_proj.lora_%s.weight":
        {"dtype": "F32", "shape": [%d, %d], "data_offsets": [%d, %d]}
        """;
    byte[] header =
        "{%s, %s}"
            .formatted(
                tensor.formatted("A", 1, 256, 0, 1024), tensor.formatted("B", 256, 1, 1024, 2048))
            .getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(Long.BYTES + header.length + 2048).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(header.length).put(header);
    while (bytes.hasRemaining()) {
      bytes.putFloat(0.25f);
    }
    Files.write(adapter.resolve("adapter_model.safetensors"), bytes.array());
    return adapter;
  }

  private static String[] with(String[] words, String... more) {
    return Stream.concat(Stream.of(words), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void executorsMayFailAndDie() throws Exception {
    assertThat(quantize(Optional.empty(), "here", "gguf:Q4_0", "mlx:4")).isZero();
    Path traces = Files.createDirectory(folder.resolve("traces"));
    Thread killer =
        Thread.ofPlatform().start(() -> kill(Sabotaged.trace(traces, Sabotaged.IS_KILLED, 0)));
    try (SparkWorkers workers = workers()) {
      Workers sabotaged = new Sabotaged(workers, traces);
      assertThat(quantize(Optional.of(sabotaged), "there", "gguf:Q4_0", "mlx:4")).isZero();
    }
    killer.join();
    for (int task : List.of(Sabotaged.FAILS, Sabotaged.IS_KILLED)) {
      assertThat(Sabotaged.trace(traces, task, 0)).exists();
      assertThat(Sabotaged.trace(traces, task, 1)).exists();
    }
    assertSame("here", "there");
  }

  private static void kill(Path trace) {
    try {
      while (!Files.exists(trace)) {
        Thread.sleep(20);
      }
      long pid = Long.parseLong(Files.readString(trace));
      assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Workers that do not see what the driver does.
   *
   * @param where they find a model, if somewhere else
   * @param meanwhile happens between the driver's look and theirs
   */
  private record Misled(Workers workers, Optional<String> where, Runnable meanwhile)
      implements ForwardingWorkers {
    @Override
    public <T extends Serializable> void run(Job<T> job, List<T> tasks, Results results) {
      meanwhile.run();
      workers.run(job, tasks, results);
    }

    @Override
    public String whereIs(Checkpoint checkpoint) {
      return where.orElseGet(() -> workers.whereIs(checkpoint));
    }
  }

  private static void replace(Path file, Path by) {
    try {
      Files.copy(by, file, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void executorsThatSeeAnotherModelAreTold() throws IOException {
    Path other = copy("other");
    Path config = other.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config).replace("\"rope_theta\": 10000.0", "\"rope_theta\": 9999.0"));
    try (SparkWorkers workers = workers()) {
      Workers misled = new Misled(workers, Optional.of(other.toString()), () -> {});
      assertThat(Phial.error(Optional.of(misled), words("out", "gguf:Q4_0")))
          .contains("expected the files that the driver sees");
    }
    assertThat(folder.resolve("out").toFile().list()).isEmpty();
  }

  @Test
  void executorsThatSeeAnotherImportanceMatrixAreTold() throws IOException {
    Path matrix = folder.resolve("imatrix.gguf");
    Path fixtures = LocalCluster.MODEL.resolve("../../imatrix");
    Files.copy(fixtures.resolve("tiny-phi3/imatrix.gguf"), matrix);
    try (SparkWorkers workers = workers()) {
      Path another = fixtures.resolve("phi2/imatrix.gguf");
      Workers late = new Misled(workers, Optional.empty(), () -> replace(matrix, another));
      assertThat(Phial.error(Optional.of(late), words("out", "gguf:IQ2_XS,imatrix=" + matrix)))
          .contains("imatrix.gguf", "expected the files that the driver sees");
    }
    assertThat(folder.resolve("out").toFile().list()).isEmpty();
  }

  @Test
  void whatIsDamagedLeavesNothing() throws IOException {
    Path model = copy("damaged");
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] = (byte) 0x7f; // infinity, in BF16
    bytes[bytes.length - 2] = (byte) 0x80;
    Files.write(weights, bytes);
    try (SparkWorkers workers = workers()) {
      String[] words = {
        "quantize", model.toString(), "--to", "gguf:Q4_0", "-o", folder + "/out.gguf"
      };
      assertThat(Phial.error(Optional.of(workers), words))
          .contains("model.safetensors: tensor", "expected finite numbers");
    }
    assertThat(folder.toFile().list()).containsExactly("damaged");
  }

  @Test
  void whatRunsTheModelIsRefused() {
    try (SparkWorkers workers = workers()) {
      String[] words = {
        "quantize",
        LocalCluster.MODEL.toString(),
        "--to",
        "gguf:Q4_0",
        "--method",
        "gptq",
        "-o",
        folder + "/out"
      };
      assertThat(Phial.error(Optional.of(workers), words)).contains("needs one machine");
    }
    assertThat(folder.toFile().list()).isEmpty();
  }

  private SparkWorkers workers() {
    return LocalCluster.workers(folder);
  }

  private int onSpark(String output, String... targets) {
    try (SparkWorkers workers = workers()) {
      return quantize(Optional.of(workers), output, targets);
    }
  }

  private int quantize(Optional<Workers> workers, String output, String... targets) {
    return Main.run(workers, words(output, targets));
  }

  private String[] words(String output, String... targets) {
    List<String> words = new ArrayList<>(List.of("quantize", LocalCluster.MODEL.toString()));
    Stream.of(targets).forEach(target -> words.addAll(List.of("--to", target)));
    words.addAll(List.of("-o", folder.resolve(output) + "/"));
    return words.toArray(String[]::new);
  }

  private Path copy(String name) throws IOException {
    Path copy = Files.createDirectory(folder.resolve(name));
    try (Stream<Path> files = Files.list(LocalCluster.MODEL)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }

  private void assertSame(String here, String there) throws IOException {
    Phial.assertSame(folder.resolve(here), folder.resolve(there));
  }
}
