package dev.phial.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A folder appears when it is complete, and only then. */
final class AtomicFolderTest {
  @TempDir Path parent;
  private Path target = Path.of("");

  @BeforeEach
  void name() {
    target = parent.resolve("model");
  }

  @Test
  void appearsWhenCommitted() throws IOException {
    try (AtomicFolder folder = AtomicFolder.create(target, false)) {
      OutputFile weights = folder.file("weights");
      weights.write(bytes("there"), 6);
      folder.write("config.json", "{}".getBytes(StandardCharsets.UTF_8));
      Path source = Files.writeString(parent.resolve("tokenizer.json"), "[]");
      folder.copy(source);
      Files.writeString(folder.path().resolve("by hand"), "as well");
      weights.write(bytes("hello "), 0);
      assertThat(target).doesNotExist();
      assertThat(folder.path()).isDirectory().hasParent(parent);
      assertThat(folder.path().getFileName().toString()).startsWith(".");
      folder.commit();
    }
    assertThat(names(target))
        .containsExactly("by hand", "config.json", "tokenizer.json", "weights");
    assertThat(target.resolve("weights")).hasContent("hello there");
    assertThat(names(parent)).containsExactly("model", "tokenizer.json");
  }

  @Test
  void leavesNothingWhenNotCommitted() throws IOException {
    try (AtomicFolder folder = AtomicFolder.create(target, false)) {
      folder.write("config.json", new byte[10]);
      Files.createDirectory(folder.path().resolve("deeper"));
      Files.writeString(folder.path().resolve("deeper/file"), "x");
    }
    assertThat(parent).isEmptyDirectory();
  }

  @Test
  void makesTheFoldersAbove() {
    Path deep = parent.resolve("a/b/model");
    try (AtomicFolder folder = AtomicFolder.create(deep, false)) {
      folder.write("file", new byte[1]);
      folder.commit();
    }
    assertThat(deep.resolve("file")).hasSize(1);
  }

  @Test
  void refusesWhatExists() throws IOException {
    Files.createDirectory(target);
    refused("exists already", false);
  }

  @Test
  void refusesWhatAppearedMeanwhile() throws IOException {
    try (AtomicFolder folder = AtomicFolder.create(target, false)) {
      folder.write("file", new byte[1]);
      Files.createDirectory(target);
      Files.writeString(target.resolve("theirs"), "x");
      assertThatThrownBy(folder::commit)
          .isInstanceOf(PhialException.OutputFailed.class)
          .hasMessageContaining("exists already");
    }
    assertThat(names(parent)).containsExactly("model");
    assertThat(names(target)).containsExactly("theirs");
  }

  @Test
  void replacesAnExport() throws IOException {
    export();
    try (AtomicFolder folder = AtomicFolder.create(target, true)) {
      folder.write("new", new byte[1]);
      assertThat(names(target)).containsExactly("config.json", "old");
      folder.commit();
    }
    assertThat(names(target)).containsExactly("new");
    assertThat(names(parent)).containsExactly("model");
  }

  @Test
  void keepsTheOldOneWhenNotCommitted() throws IOException {
    export();
    try (AtomicFolder folder = AtomicFolder.create(target, true)) {
      folder.write("new", new byte[1]);
    }
    assertThat(names(target)).containsExactly("config.json", "old");
    assertThat(names(parent)).containsExactly("model");
  }

  @Test
  void replacesAnEmptyFolder() throws IOException {
    Files.createDirectory(target);
    try (AtomicFolder folder = AtomicFolder.create(target, true)) {
      folder.write("new", new byte[1]);
      folder.commit();
    }
    assertThat(names(target)).containsExactly("new");
  }

  @Test
  void doesNotReplaceAFolderOfOtherThings() throws IOException {
    export();
    Files.createDirectory(target.resolve("photos"));
    refused("they would be lost", true);
    Files.delete(target.resolve("photos"));
    Files.delete(target.resolve("config.json"));
    refused("they would be lost", true);
  }

  @Test
  void doesNotReplaceAFileOrALink() throws IOException {
    Files.writeString(target, "x");
    refused("expected a folder to replace", true);
    Files.delete(target);
    Path elsewhere = Files.createDirectory(parent.resolve("elsewhere"));
    Files.createSymbolicLink(target, elsewhere);
    refused("expected a folder to replace", true);
    refused("exists already", false);
  }

  @Test
  void refusesTwoFilesOfOneName() {
    try (AtomicFolder folder = AtomicFolder.create(target, false)) {
      folder.write("file", new byte[1]);
      assertThatThrownBy(() -> folder.file("file"))
          .isInstanceOf(PhialException.OutputFailed.class)
          .hasMessageContaining(target.resolve("file").toString());
    }
  }

  /** A part may be left behind, but it is hidden; an end that is asked for leaves none. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void killedProcessLeavesNothingThatLooksFinished(boolean forcibly) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path", ""),
                Unfinished.class.getName(),
                target.toString())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader out =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(out.readLine()).isEqualTo("writing");
      assertThat(names(parent)).hasSize(1);
      if (forcibly) {
        process.destroyForcibly();
      } else {
        process.destroy();
      }
      assertThat(process.waitFor()).isNotZero();
    }
    if (forcibly) {
      assertThat(names(parent)).hasSize(1).allMatch(name -> name.startsWith("."));
    } else {
      assertThat(parent).isEmptyDirectory();
    }
  }

  /** Starts a folder and waits to be killed. */
  static final class Unfinished {
    public static void main(String[] args) throws InterruptedException {
      AtomicFolder folder = AtomicFolder.create(Path.of(args[0]), false);
      folder.write("config.json", new byte[100]);
      System.out.println("writing");
      Thread.sleep(60_000);
      folder.close();
    }
  }

  private void refused(String reason, boolean replace) throws IOException {
    List<String> before = names(parent);
    assertThatThrownBy(() -> AtomicFolder.create(target, replace))
        .isInstanceOf(PhialException.OutputFailed.class)
        .hasMessageContaining(target.toString())
        .hasMessageContaining(reason);
    assertThat(names(parent)).isEqualTo(before);
  }

  private void export() throws IOException {
    Files.createDirectory(target);
    Files.writeString(target.resolve("config.json"), "{}");
    Files.writeString(target.resolve("old"), "x");
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
