package dev.phial.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What executors find while they read a text is what one machine finds, to the last bit. */
final class SparkReadingTest {
  @TempDir private Path folder;

  @Test
  void figuresAreEqual() {
    String[] words = {
      "eval",
      LocalCluster.MODEL.toString(),
      "--types",
      "Q4_0",
      "--context",
      "64",
      "--chunks",
      "10",
      "--json"
    };
    try (SparkWorkers workers = LocalCluster.workers(folder)) {
      assertThat(Phial.figures(Optional.of(workers), words))
          .isEqualTo(Phial.figures(Optional.empty(), words));
    }
  }

  @Test
  void importanceMatricesAreEqual() {
    String model = LocalCluster.MODEL.toString();
    Path here = folder.resolve("here.gguf");
    Path there = folder.resolve("there.gguf");
    String[] words = {
      "calibrate", model, "--context", "64", "--chunks", "10", "--process-output", "-o"
    };
    Phial.output(Optional.empty(), with(words, here));
    try (SparkWorkers workers = LocalCluster.workers(folder)) {
      Phial.output(Optional.of(workers), with(words, there));
    }
    assertThat(there).hasSameBinaryContentAs(here);
  }

  private static String[] with(String[] words, Path output) {
    String[] all = Arrays.copyOf(words, words.length + 1);
    all[words.length] = output.toString();
    return all;
  }
}
