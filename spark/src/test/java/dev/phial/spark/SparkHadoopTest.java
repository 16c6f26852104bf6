package dev.phial.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.work.Workers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A model in HDFS is read there, by ranges, and what executors hand over lies there. */
final class SparkHadoopTest {
  private static final String MODEL = "/models/tiny-phi3";

  @TempDir private static Path disks;
  private static Hdfs hdfs;

  @TempDir private Path folder;

  /** A name node and a data node in this process. */
  private record Hdfs(MiniDFSCluster cluster, FileSystem files) implements AutoCloseable {
    static Hdfs start(Path disks) throws IOException {
      Configuration configuration = new Configuration();
      configuration.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, disks.toString());
      MiniDFSCluster cluster = new MiniDFSCluster.Builder(configuration).numDataNodes(1).build();
      Hdfs hdfs = new Hdfs(cluster, cluster.getFileSystem());
      hdfs.put(LocalCluster.MODEL, MODEL);
      return hdfs;
    }

    org.apache.hadoop.fs.Path path(String path) {
      return files.makeQualified(new org.apache.hadoop.fs.Path(path));
    }

    String uri(String path) {
      return path(path).toString();
    }

    void put(Path from, String to) throws IOException {
      files.copyFromLocalFile(new org.apache.hadoop.fs.Path(from.toUri()), path(to));
    }

    @Override
    public void close() {
      cluster.shutdown(true);
    }
  }

  @BeforeAll
  static void start() throws IOException {
    hdfs = Hdfs.start(disks);
  }

  @AfterAll
  static void stop() {
    hdfs.close();
  }

  private SparkWorkers workers() {
    return LocalCluster.workers(hdfs.uri("/work"));
  }

  private static String[] quantize(String model, Path output) {
    return new String[] {
      "quantize", model, "--to", "gguf:Q4_K_M", "--to", "onnx:int4", "-o", output + "/"
    };
  }

  @Test
  void outputsAreThoseOfAModelThatIsHere() throws IOException {
    Path here = folder.resolve("here");
    Path there = folder.resolve("there");
    Phial.output(Optional.empty(), quantize(LocalCluster.MODEL.toString(), here));
    try (SparkWorkers workers = workers()) {
      Phial.output(Optional.of(workers), quantize(hdfs.uri(MODEL), there));
    }
    Phial.assertSame(here, there);
    assertThat(hdfs.files.listStatus(hdfs.path("/work"))).isEmpty();
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
    hdfs.files.mkdirs(hdfs.path("/empty"));
    try (SparkWorkers workers = workers()) {
      Optional<Workers> cluster = Optional.of(workers);
      assertThat(Phial.error(cluster, quantize(hdfs.uri("/nowhere"), output)))
          .contains("/nowhere: there is no such folder");
      assertThat(Phial.error(cluster, quantize(hdfs.uri("/empty"), output)))
          .contains("/empty: expected a folder with a config.json and safetensors");
      assertThat(Phial.error(cluster, quantize("nofs://host/model", output)))
          .contains("nofs://host/model cannot be read: No FileSystem for scheme");
    }
    assertThat(output).doesNotExist();
  }

  @Test
  void outputsThatAreToLieThereAreRefused() throws IOException {
    try (SparkWorkers workers = workers()) {
      assertThat(
              Phial.error(
                  Optional.of(workers),
                  "quantize",
                  hdfs.uri(MODEL),
                  "--to",
                  "gguf:Q4_K_M",
                  "-o",
                  hdfs.uri("/out/")))
          .contains("expected a path, found a URI; outputs are written by this machine");
    }
    assertThat(hdfs.files.exists(hdfs.path("/out"))).isFalse();
    assertThat(Path.of("hdfs:")).doesNotExist();
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
      assertThat(Phial.error(Optional.of(workers), quantize(hdfs.uri("/models/cut"), output)))
          .contains("model.safetensors: expected");
    }
    assertThat(output).doesNotExist();
  }
}
