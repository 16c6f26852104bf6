package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever happens while an output is written, nothing is lost and nothing looks finished that is
 * not; a user gets one clear sentence and the status that a script can rely on.
 */
final class SafetyTest {
  private static final String WEIGHTS = "model.safetensors";
  private static final Path IMATRIX = Phial.ROOT.resolve("fixtures/imatrix/tiny-phi3/imatrix.gguf");

  @TempDir Path folder;

  /** Where the outputs go. */
  private Path out = Path.of("");

  @BeforeEach
  void makeFolder() throws IOException {
    out = Files.createDirectory(folder.resolve("out"));
  }

  @Test
  void aKilledRunLeavesNothingThatLooksFinishedAndTheNextRunTidiesUp() throws Exception {
    Process process = startSlowly(Phial.model("tiny-phi3"), "tiny.gguf");
    process.destroyForcibly().waitFor();
    assertThat(visible(out)).isEmpty();
    assertThat(hidden(out)).isNotEmpty();

    quantize(Phial.model("tiny-phi3"), "tiny.gguf").succeeded();
    assertThat(visible(out)).containsExactly("tiny.gguf");
    assertThat(hidden(out)).isEmpty();
  }

  @Test
  @DisabledOnOs(OS.WINDOWS) // it has no signals
  void aTerminatedRunTidiesUpItself() throws Exception {
    Process process = startSlowly(Phial.model("tiny-phi3"), "tiny.gguf");
    process.destroy();
    assertThat(process.waitFor()).isEqualTo(128 + 15);
    assertThat(out).isEmptyDirectory();
  }

  @Test
  void twoRunsAtOnceGiveOneWholeFile() throws Exception {
    Process first = startSlowly(Phial.model("tiny-phi3"), "tiny.gguf");
    Process second = startSlowly(Phial.model("tiny-phi3"), "tiny.gguf", "--force");
    assertThat(second.waitFor()).isZero();
    assertThat(first.waitFor()).isIn(0, 1); // it comes first, or finds that the other did
    assertThat(visible(out)).containsExactly("tiny.gguf");
    assertThat(hidden(out)).isEmpty();

    slowly(Phial.model("tiny-phi3"), "again.gguf").succeeded();
    assertThat(out.resolve("tiny.gguf")).hasSameBinaryContentAs(out.resolve("again.gguf"));
  }

  /** A limit on the size of files stands for the disk that fills up meanwhile. */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void aDiskThatFillsUpIsOneClearError() {
    List<String> words =
        new ArrayList<>(List.of("sh", "-c", "ulimit -f 4000 && exec \"$@\"", "sh"));
    words.addAll(
        Phial.words(
            List.of("quantize", Phial.model("tiny-phi3"), "--to", "gguf:F32", "-o", "tiny.gguf")));
    assertFails(Command.run(out, words), "tiny.gguf could not be written: File too large");
    assertThat(out).isEmptyDirectory();
  }

  /**
   * Java needs some itself; what it lacks must not become a stack trace or leave a part, and
   * outputs for which there are enough appear.
   */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void tooFewDescriptorsAreClearErrors() throws IOException {
    List<String> targets = List.of("gguf:Q4_0", "onnx:int4", "openvino:int4", "mlx:4");
    boolean someAppeared = false;
    for (int most = 20; most <= 92; most += 8) {
      String output = "out" + most + "/";
      List<String> words =
          new ArrayList<>(List.of("sh", "-c", "ulimit -n " + most + " && exec \"$@\"", "sh"));
      List<String> arguments = new ArrayList<>(List.of("quantize", Phial.model("tiny-phi3")));
      targets.forEach(to -> arguments.addAll(List.of("--to", to)));
      arguments.addAll(List.of("-o", output));
      words.addAll(Phial.words(arguments));
      Command.Result result = Command.run(out, words);
      if (result.err().contains("Could not find or load main class")) {
        continue; // Java has not enough to read the class path of the tests
      }
      assertThat(result.err()).doesNotContain("\tat ").doesNotContain("Exception in thread");
      assertThat(result.status()).isIn(0, 1);
      assertThat(result.err().contains("phial: "))
          .as("%d descriptors, status %d: %s", most, result.status(), result.err())
          .isEqualTo(result.status() == 1);
      Path outputs = out.resolve(output);
      List<String> written = Files.exists(outputs) ? names(outputs) : List.of();
      assertThat(written).noneMatch(name -> name.startsWith("."));
      assertThat(result.out()).hasLineCount(written.size());
      someAppeared |= !written.isEmpty() && written.size() < targets.size();
    }
    assertThat(someAppeared).as("an output fails alone").isTrue();
  }

  @Test
  void freeDiskIsCheckedBeforeAnythingIsWritten() throws IOException {
    long columns = 256;
    long rows = Math.ceilDiv(Files.getFileStore(out).getUsableSpace(), 2 * columns * Float.BYTES);
    Path model = copy("tiny-phi3");
    widen(model, rows, columns);
    assertFails(
        Phial.run(
            out, List.of("quantize", model.toString(), "--to", "gguf:F32", "-o", "sub/tiny.gguf")),
        "of free disk, found ");
    assertThat(out).isEmptyDirectory();
  }

  @Test
  void whatExistsIsKept() throws IOException {
    Path file = Files.writeString(out.resolve("tiny.gguf"), "precious");
    assertFails(
        quantize(Phial.model("tiny-phi3"), "tiny.gguf"), "tiny.gguf exists already; pass --force");
    assertThat(file).hasContent("precious");
    quantize(Phial.model("tiny-phi3"), "tiny.gguf", "--force").succeeded();
    assertThat(file).isRegularFile();
    assertThat(Files.size(file)).isGreaterThan(1 << 20);
  }

  @Test
  void theModelItselfIsNeverReplaced() throws IOException {
    quantize(Phial.model("tiny-phi3"), "tiny.gguf").succeeded();
    byte[] before = Files.readAllBytes(out.resolve("tiny.gguf"));
    Files.createSymbolicLink(out.resolve("link.gguf"), Path.of("tiny.gguf"));
    for (String output : List.of("tiny.gguf", "../out/tiny.gguf", "link.gguf")) {
      Command.Result result =
          Phial.run(
              out,
              List.of(
                  "quantize",
                  "tiny.gguf",
                  "--to",
                  "gguf:Q8_0",
                  "--allow-requantize",
                  "--force",
                  "-o",
                  output));
      assertThat(result.status()).isEqualTo(2);
      assertThat(result.err()).contains(output + " is what this command reads");
    }
    assertThat(out.resolve("tiny.gguf")).hasBinaryContent(before);
  }

  @Test
  void foldersAreMadeUnlessAFileIsInTheWay() throws IOException {
    quantize(Phial.model("tiny-phi3"), "a/b/tiny.gguf").succeeded();
    assertThat(out.resolve("a/b/tiny.gguf")).isRegularFile();
    quantize(Phial.model("tiny-phi3"), "c/").succeeded();
    assertThat(out.resolve("c/tiny-phi3-gguf-BF16.gguf")).isRegularFile();
    Files.writeString(out.resolve("file"), "");
    assertFails(
        quantize(Phial.model("tiny-phi3"), "file/tiny.gguf"), "expected a folder", "found a file");
    assertThat(out.resolve("file")).isEmptyFile();
  }

  @Test
  void aFolderThatMayNotBeWrittenIsOneClearError() {
    assertThat(out.toFile().setWritable(false)).isTrue();
    try {
      assumeThat(Files.isWritable(out)).as("root may write everywhere").isFalse();
      assertFails(
          quantize(Phial.model("tiny-phi3"), "tiny.gguf"), "tiny.gguf could not be written");
    } finally {
      assertThat(out.toFile().setWritable(true)).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"missing", "a folder", "empty", "cut off", "longer"})
  void aDamagedShardIsOneClearError(String damage) throws IOException {
    Path model = copy("phi3-medium-128k-tf5");
    Path shard = model.resolve("model-00002-of-00002.safetensors");
    byte[] bytes = Files.readAllBytes(shard);
    switch (damage) {
      case "cut off" ->
          Files.write(shard, List.of(new String(bytes, 0, 999, StandardCharsets.ISO_8859_1)));
      case "longer" -> Files.write(shard, new byte[1], StandardOpenOption.APPEND);
      case "empty" -> Files.write(shard, new byte[0]);
      default -> Files.delete(shard);
    }
    if (damage.equals("a folder")) {
      Files.createDirectory(shard);
    }
    assertFails(
        quantize(model.toString(), "x.gguf"), "model-00002-of-00002.safetensors", "expected");
    assertThat(out).isEmptyDirectory();
  }

  @Test
  void aWeightThatIsNoNumberIsOneClearError() throws IOException {
    Path model = copy("tiny-phi3");
    try (FileChannel channel = FileChannel.open(model.resolve(WEIGHTS), StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {(byte) 0xC0, 0x7F}), channel.size() / 2 & -2);
    }
    assertFails(quantize(model.toString(), "x.gguf"), WEIGHTS + ": tensor ", "found NaN in row ");
    assertThat(out).isEmptyDirectory();
  }

  /** The JVM answers with an InternalError, in whatever code touches the page. */
  @Test
  @DisabledOnOs(OS.WINDOWS) // a mapped file cannot be cut there
  void aModelThatIsCutWhileItIsReadIsOneClearError() throws Exception {
    Path model = copy("tiny-phi3");
    Path err = folder.resolve("err");
    Process process = startSlowly(model.toString(), "tiny.gguf");
    try (FileChannel channel = FileChannel.open(model.resolve(WEIGHTS), StandardOpenOption.WRITE)) {
      channel.truncate(1 << 16);
    }
    int status = process.waitFor();
    assertFails(new Command.Result(status, "", Files.readString(err)), "can no longer be read");
    assertThat(out).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "1000000", "two", ""})
  void threadsThatMakeNoSenseAreAMisuse(String threads) {
    Command.Result result = quantize(Phial.model("tiny-phi3"), "x.gguf", "--threads", threads);
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains("--threads").contains("See phial quantize --help");
    assertThat(out).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"ein Umlaut ü, 語", "two\nlines", "-dash, quote\"'"})
  void namesMayHoldAnything(String name) throws IOException {
    assumeThat(canBeNamed(name)).as("the locale knows such names").isTrue();
    Path model = copy("tiny-phi3");
    Path renamed = Files.move(model, model.resolveSibling(name));
    Command.Result result = quantize(renamed.toString(), "").succeeded();
    String file = name + "-gguf-BF16.gguf";
    assertThat(visible(out)).containsExactly(file);
    assertThat(result.out()).isEqualTo(file + System.lineSeparator());
    Phial.run(out, List.of("compare", "--exact", "./" + file, "./" + file)).succeeded();
  }

  private boolean canBeNamed(String name) {
    try {
      return Files.exists(Files.createTempFile(folder, name, ""));
    } catch (IOException | java.nio.file.InvalidPathException e) {
      return false;
    }
  }

  /** One sentence, status 1. */
  private static void assertFails(Command.Result result, String... parts) {
    assertThat(result.status()).as(result.err()).isEqualTo(1);
    assertThat(result.err().lines().filter(line -> !line.startsWith("WARNING: Using incubator")))
        .singleElement()
        .asString()
        .startsWith("phial: ")
        .contains(parts);
    assertThat(result.out()).isEmpty();
  }

  private Command.Result quantize(String model, String output, String... more) {
    List<String> arguments = new ArrayList<>(List.of("quantize", model, "--to", "gguf:BF16"));
    arguments.addAll(output.isEmpty() ? List.of() : List.of("-o", output));
    arguments.addAll(List.of(more));
    return Phial.run(out, arguments);
  }

  /** The type that takes longest, one thread: enough time to do something meanwhile. */
  private static List<String> slow(String model, String output, String... more) {
    List<String> arguments = new ArrayList<>(List.of("quantize", model, "--to", "gguf:IQ1_M"));
    arguments.addAll(List.of("--imatrix", IMATRIX.toString(), "--threads", "1", "-o", output));
    arguments.addAll(List.of(more));
    return arguments;
  }

  private Command.Result slowly(String model, String output) {
    return Phial.run(out, slow(model, output));
  }

  /** Starts a run and waits until it writes. */
  private Process startSlowly(String model, String output, String... more)
      throws IOException, InterruptedException {
    int before = hidden(out).size();
    Process process =
        new ProcessBuilder(Phial.words(slow(model, output, more)))
            .directory(out.toFile())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(folder.resolve("err").toFile())
            .start();
    while (process.isAlive() && hidden(out).size() == before) {
      assertThat(process.waitFor(5, TimeUnit.MILLISECONDS)).isFalse();
    }
    return process;
  }

  private static List<String> visible(Path folder) throws IOException {
    return names(folder).stream().filter(name -> !name.startsWith(".")).toList();
  }

  private static List<String> hidden(Path folder) throws IOException {
    return names(folder).stream().filter(name -> name.startsWith(".")).toList();
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  /** A copy of a fixture to spoil. */
  private Path copy(String name) throws IOException {
    Path copy = Files.createDirectories(folder.resolve("models").resolve(name));
    try (Stream<Path> files = Files.list(Path.of(Phial.model(name)))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
        assertThat(copy.resolve(file.getFileName()).toFile().setWritable(true)).isTrue();
      }
    }
    return copy;
  }

  /**
   * Makes a model of one wide layer whose weights are a hole in a file: it takes no disk, and its
   * F32 twice what is free.
   */
  private static void widen(Path model, long rows, long columns) throws IOException {
    Path config = model.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replaceAll("(\"intermediate_size\": *)\\d+", "$1" + rows)
            .replaceAll("(\"num_hidden_layers\": *)\\d+", "$11"));
    String layer = "model.layers.0.";
    List<String> entries = new ArrayList<>();
    long at = 0;
    at = entry(entries, "lm_head.weight", at, 2064, columns);
    at = entry(entries, "model.embed_tokens.weight", at, 2064, columns);
    at = entry(entries, "model.norm.weight", at, columns);
    at = entry(entries, layer + "input_layernorm.weight", at, columns);
    at = entry(entries, layer + "post_attention_layernorm.weight", at, columns);
    at = entry(entries, layer + "self_attn.qkv_proj.weight", at, 3 * columns, columns);
    at = entry(entries, layer + "self_attn.o_proj.weight", at, columns, columns);
    at = entry(entries, layer + "mlp.gate_up_proj.weight", at, 2 * rows, columns);
    at = entry(entries, layer + "mlp.down_proj.weight", at, columns, rows);
    byte[] header = ("{" + String.join(",", entries) + "}").getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile file = new RandomAccessFile(model.resolve(WEIGHTS).toFile(), "rw")) {
      file.setLength(0);
      file.write(
          ByteBuffer.allocate(Long.BYTES)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(header.length)
              .array());
      file.write(header);
      file.setLength(Long.BYTES + header.length + at);
    }
  }

  private static long entry(List<String> entries, String name, long at, long... shape) {
    long bytes = Short.BYTES;
    for (long dimension : shape) {
      bytes *= dimension;
    }
    entries.add(
        "\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
            .formatted(name, java.util.Arrays.toString(shape), at, at + bytes));
    return at + bytes;
  }
}
