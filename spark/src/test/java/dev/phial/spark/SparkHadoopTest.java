package dev.phial.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.work.Workers;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A model in HDFS is read there, by ranges; what executors hand over, and outputs, lie there. */
final class SparkHadoopTest {
  private static final String MODEL = "/models/tiny-phi3";

  @TempDir private static Path disks;
  private static Hdfs hdfs;

  @TempDir private Path folder;

  @BeforeAll
  static void start() throws IOException {
    hdfs = Hdfs.start(disks);
    hdfs.put(LocalCluster.MODEL, MODEL);
  }

  @AfterAll
  static void stop() {
    hdfs.close();
  }

  private SparkWorkers workers() {
    return LocalCluster.workers(hdfs.uri("/work"));
  }

  private static String[] quantize(String model, String output, String... options) {
    List<String> words = new ArrayList<>(List.of("quantize", model, "-o", output + "/"));
    words.addAll(List.of("--to", "gguf:Q4_K_M", "--to", "onnx:int4"));
    words.addAll(List.of(options));
    return words.toArray(String[]::new);
  }

  private static String[] eval(String model) {
    return new String[] {
      "eval", model, "--types", "Q4_0", "--context", "64", "--chunks", "10", "--json"
    };
  }

  @Test
  void figuresAreThoseOfAModelThatIsHere() {
    try (SparkWorkers workers = workers()) {
      assertThat(nameless(Phial.figures(Optional.of(workers), eval(hdfs.uri(MODEL)))))
          .isEqualTo(
              nameless(Phial.figures(Optional.empty(), eval(LocalCluster.MODEL.toString()))));
    }
  }

  private static JsonNode nameless(JsonNode result) {
    ((ObjectNode) result.get("reference")).remove(List.of("name", "path"));
    return result;
  }

  @Test
  void whatIsNoModelThereIsSaidInASentence() throws IOException {
    Path output = folder.resolve("out");
    hdfs.files().mkdirs(hdfs.path("/empty"));
    try (SparkWorkers workers = workers()) {
      Optional<Workers> cluster = Optional.of(workers);
      assertThat(Phial.error(cluster, quantize(hdfs.uri("/nowhere"), output.toString())))
          .contains("/nowhere: there is no such folder");
      assertThat(Phial.error(cluster, quantize(hdfs.uri("/empty"), output.toString())))
          .contains("/empty: expected a folder with a config.json and safetensors");
      assertThat(Phial.error(cluster, quantize("nofs://host/model", output.toString())))
          .contains("nofs://host/model cannot be read: No FileSystem for scheme");
    }
    assertThat(output).doesNotExist();
  }

  @Test
  void outputsAreThoseOfOneMachine() throws IOException {
    Path here = folder.resolve("here");
    Phial.output(Optional.empty(), quantize(LocalCluster.MODEL.toString(), here.toString()));
    String out = hdfs.uri("/out");
    try (SparkWorkers workers = workers()) {
      Optional<Workers> cluster = Optional.of(workers);
      assertThat(Phial.output(cluster, quantize(hdfs.uri(MODEL), out)))
          .isEqualTo("%1$s/tiny-phi3-gguf-Q4_K_M.gguf%n%1$s/tiny-phi3-onnx-int4%n".formatted(out));
      assertThat(Phial.error(cluster, quantize(hdfs.uri(MODEL), out)))
          .contains("Q4_K_M.gguf exists already; pass --force to replace it");
    }
    Path there = folder.resolve("there");
    hdfs.get("/out", there);
    Phial.assertSame(here, there);
    assertThat(hdfs.names("/out"))
        .containsExactly("tiny-phi3-gguf-Q4_K_M.gguf", "tiny-phi3-onnx-int4");
    assertThat(hdfs.names("/work")).isEmpty();
  }

  @Test
  void whatIsSaidToRunItFetchesAllFiles() {
    try (SparkWorkers workers = workers()) {
      String[] words = {"quantize", hdfs.uri(MODEL), "-o", hdfs.uri("/split/model.gguf"), "--json"};
      String[] split = {"--to", "gguf:Q4_0", "--split-max-tensors", "10"};
      JsonNode output =
          Phial.figures(
                  Optional.of(workers),
                  Stream.of(words, split).flatMap(Stream::of).toArray(String[]::new))
              .at("/outputs/0");
      List<String> files = output.get("files").valueStream().map(JsonNode::stringValue).toList();
      assertThat(files).hasSizeGreaterThan(1);
      assertThat(output.get("command").stringValue())
          .startsWith("hadoop fs -get %s . && ".formatted(String.join(" ", files)));
    }
  }

  @Test
  void jobsOfABatchMayWriteThere() throws IOException {
    Path jobs = folder.resolve("jobs.jsonl");
    Path results = folder.resolve("results.jsonl");
    String job = "{\"model\": \"%s\", \"to\": \"gguf:Q4_0\", \"output\": \"%s\"}\n";
    Files.writeString(
        jobs,
        job.formatted(hdfs.uri(MODEL), hdfs.uri("/batch"))
            + job.formatted(hdfs.uri(MODEL), hdfs.uri("/batch/")));
    String[] words = {"batch", jobs.toString(), "-o", results.toString()};
    try (SparkWorkers workers = workers()) {
      assertThat(Phial.error(Optional.of(workers), words))
          .contains("line 2: expected an output of its own", "that of line 1");
      Files.writeString(jobs, job.formatted(hdfs.uri(MODEL), hdfs.uri("/batch/")));
      Phial.output(Optional.of(workers), words);
    }
    String file = "/batch/tiny-phi3-gguf-Q4_0.gguf";
    assertThat(results).content().contains("\"files\":[\"%s\"]".formatted(hdfs.uri(file)));
    assertThat(hdfs.names("/batch")).containsExactly(Path.of(file).getFileName().toString());
  }

  @Test
  void outputsMayNotLieWhereTheModelDoes() throws IOException {
    try (SparkWorkers workers = workers()) {
      for (String place : List.of("/models/", "/models/tiny-phi3", "/models/tiny-phi3/out/")) {
        String uri = hdfs.uri("/") + place.substring(1);
        for (String same : List.of(uri, uri.replace("hdfs://localhost", "HDFS://127.0.0.1"))) {
          assertThat(misuse(workers, same))
              .contains("expected a place apart from", "which this command reads");
        }
      }
    }
    assertThat(hdfs.names(MODEL)).contains("config.json", "model.safetensors");
  }

  @Test
  void outputsNeedANameInAFileSystemOfTheCluster() {
    try (SparkWorkers workers = workers()) {
      assertThat(misuse(workers, "s3a://bucket/")).contains("expected a name below the host or");
      assertThat(misuse(workers, "file:///out")).contains("found the URI of one; leave out file:");
    }
  }

  private static String misuse(Workers workers, String output) {
    return Phial.misuse(
        Optional.of(workers),
        "quantize",
        hdfs.uri(MODEL),
        "--to",
        "onnx:int4",
        "--force",
        "-o",
        output);
  }

  @Test
  void whatCannotBeDeliveredStaysHere() throws IOException {
    hdfs.files().mkdirs(hdfs.path("/full"));
    hdfs.files().setQuota(hdfs.path("/full"), 1, HdfsConstants.QUOTA_DONT_SET); // of names
    List<String> kept = new ArrayList<>();
    try (SparkWorkers workers = workers()) {
      String said = Phial.error(Optional.of(workers), quantize(hdfs.uri(MODEL), hdfs.uri("/full")));
      assertThat(said).contains("quota", "; nothing was left there; what was made is kept: ");
      Matcher put = Pattern.compile("hadoop fs -put (\\S+)/\\* (\\S+)").matcher(said);
      while (put.find()) {
        File there = new File(put.group(1));
        kept.addAll(List.of(Objects.requireNonNull(there.list())));
        assertThat(put.group(2)).isEqualTo(hdfs.uri("/full") + "/");
        assertThat(FileUtil.fullyDelete(there)).isTrue();
      }
    }
    assertThat(kept).containsExactlyInAnyOrder("tiny-phi3-gguf-Q4_K_M.gguf", "tiny-phi3-onnx-int4");
    assertThat(hdfs.names("/full")).isEmpty();
  }

  @Test
  void weightsThatAreCutOffLeaveNothing() throws IOException {
    byte[] whole = Files.readAllBytes(LocalCluster.MODEL.resolve("model.safetensors"));
    Path weights = folder.resolve("model.safetensors");
    Files.write(weights, Arrays.copyOf(whole, whole.length - 1000));
    hdfs.put(LocalCluster.MODEL.resolve("config.json"), "/models/cut/config.json");
    hdfs.put(weights, "/models/cut/model.safetensors");
    Path output = folder.resolve("out");
    try (SparkWorkers workers = workers()) {
      assertThat(
              Phial.error(
                  Optional.of(workers), quantize(hdfs.uri("/models/cut"), output.toString())))
          .contains("model.safetensors: expected");
    }
    assertThat(output).doesNotExist();
  }
}
