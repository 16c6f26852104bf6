package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs {@link HostileFiles} in a JVM with 256 MB, where each must be refused within a second. */
final class HostileFilesTest {
  @TempDir Path folder;

  @Test
  void areRefusedQuicklyInLittleMemory() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "--add-modules=jdk.incubator.vector",
                "-cp",
                System.getProperty("java.class.path"),
                HostileFiles.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .start();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .filter(line -> !line.startsWith("WARNING"))
            .toList();
    assertThat(process.waitFor()).as("%s", lines).isZero();
    assertThat(lines)
        .hasSizeGreaterThan(20)
        .allSatisfy(line -> {
          List<String> words = List.of(line.split("\t", -1));
          assertThat(words).hasSize(3);
          assertThat(words.get(2)).startsWith("refused: ");
          assertThat(Long.parseLong(words.get(1))).as("%s", line).isLessThan(1000);
        });
  }
}
