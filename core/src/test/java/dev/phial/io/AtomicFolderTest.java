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
import java.util.stream.Collectors;
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
          .hasMessageContaining("found theirs, which would be lost");
    }
    assertThat(names(parent)).containsExactly("model");
    assertThat(names(target)).containsExactly("theirs");
  }

  @Test
  void replacesAnExport() throws IOException {
    export(List.of("phial.json", "old"));
    try (AtomicFolder folder = AtomicFolder.create(target, true)) {
      folder.write("new", new byte[1]);
      assertThat(names(target)).containsExactly("old", "phial.json");
      folder.commit();
    }
    assertThat(names(target)).containsExactly("new");
    assertThat(names(parent)).containsExactly("model");
  }

  @Test
  void keepsTheOldOneWhenNotCommitted() throws IOException {
    export(List.of("phial.json", "old"));
    try (AtomicFolder folder = AtomicFolder.create(target, true)) {
      folder.write("new", new byte[1]);
    }
    assertThat(names(target)).containsExactly("old", "phial.json");
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

  @ParameterizedTest
  @ValueSource(
      strings = {
        "thesis.txt",
        "package.json",
        "README.md",
        "train.py",
        ".git/config",
        "nested/config.json",
        "-> model.safetensors"
      })
  void doesNotReplaceAFolderWithOtherThings(String other) throws IOException {
    for (List<String> files : EXPORTS) {
      export(files);
      Path there = target.resolve(other.replace("-> ", ""));
      Files.createDirectories(there.getParent());
      if (other.startsWith("->")) { // a link to what nobody exported
        Files.deleteIfExists(there);
        Files.createSymbolicLink(there, parent);
      } else {
        Files.writeString(there, "precious");
      }
      refused("found " + target.relativize(there).getName(0) + ", which would be lost", true);
      refused("found " + target.relativize(there).getName(0) + ", which would be lost", false);
      assertThat(there).exists();
      Files.delete(there);
      clear();
    }
  }

  private static final List<List<String>> EXPORTS =
      List.of(
          List.of("phial.json", "weights.bin"),
          List.of("genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json"),
          List.of("openvino_model.xml", "openvino_model.bin", "config.json"),
          List.of("config.json", "model-00001-of-00002.safetensors", "tokenizer.model"));

  @Test
  void replacesWhatRuntimesExportersWrite() throws IOException {
    for (List<String> files : EXPORTS) {
      export(files);
      try (AtomicFolder folder = AtomicFolder.create(target, true)) {
        folder.write("new", new byte[1]);
        folder.commit();
      }
      assertThat(names(target)).containsExactly("new");
      assertThat(names(parent)).containsExactly("model");
      clear();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "genai_config.json", // no graph
        "openvino_model.xml", // no data
        "config.json",
        "model.safetensors",
        "weights.bin",
      })
  void partsOfAnExportProveNothing(String name) throws IOException {
    export(List.of(name));
    refused("found " + name + ", which would be lost", true);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[]", "{}", "{\"files\": []}", "{\"files\": {\"a\": 1}}"})
  void aManifestThatNamesNothingProvesNothing(String manifest) throws IOException {
    export(List.of("config.json", "model.safetensors"));
    Files.writeString(target.resolve("phial.json"), manifest);
    refused("found config.json, which would be lost", true);
  }

  @Test
  void doesNotReplaceAFileOrALink() throws IOException {
    Files.writeString(target, "x");
    refused("expected a folder to replace, found a file", true);
    Files.delete(target);
    Path elsewhere = Files.createDirectory(parent.resolve("elsewhere"));
    Files.createSymbolicLink(target, elsewhere);
    refused("expected a folder to replace, found a symbolic link", true);
    refused("expected a folder to replace, found a symbolic link", false);
  }

  @Test
  void doesNotReplaceWhatAppearedMeanwhile() throws IOException {
    export(List.of("phial.json"));
    try (AtomicFolder folder = AtomicFolder.create(target, true)) {
      Files.writeString(target.resolve("thesis.txt"), "precious");
      assertThatThrownBy(folder::commit).hasMessageContaining("thesis.txt, which would be lost");
    }
    assertThat(names(target)).containsExactly("phial.json", "thesis.txt");
    assertThat(names(parent)).containsExactly("model");
  }

  /** Where a file system cannot swap names. */
  @Test
  void replacesInTwoStepsToo() throws IOException {
    export(List.of("phial.json", "old"));
    Path part = Files.createDirectory(parent.resolve("part"));
    Files.writeString(part.resolve("new"), "x");
    Parts.placeInTwoSteps(part, target);
    assertThat(names(target)).containsExactly("new");
    assertThat(names(part)).containsExactly("old", "phial.json");
    assertThat(names(parent)).containsExactly("model", "part");
  }

  @Test
  void aStepThatFailsIsTakenBack() throws IOException {
    export(List.of("phial.json", "old"));
    assertThatThrownBy(() -> Parts.placeInTwoSteps(parent.resolve("missing"), target))
        .isInstanceOf(IOException.class);
    assertThat(names(target)).containsExactly("old", "phial.json");
    assertThat(names(parent)).containsExactly("model");
  }

  /** What a kill -9 between the two steps leaves: no process has this number. */
  @Test
  void whatWasSetAsideByAKilledProcessComesBack() throws IOException {
    export(List.of("phial.json", "old"));
    Path old = parent.resolve(".model.999999999999-a1.old");
    Files.move(target, old);
    Path part = Files.createDirectory(parent.resolve(".model.999999999999-a0.part"));
    Files.writeString(part.resolve("new"), "x");
    assertThatThrownBy(() -> AtomicFolder.create(target, false))
        .hasMessageContaining("exists already");
    assertThat(names(target)).containsExactly("old", "phial.json");
    assertThat(names(parent)).containsExactly("model");

    // where something has taken its place, it is an old copy and no more
    Files.createDirectory(old);
    Files.writeString(old.resolve("older"), "x");
    AtomicFolder.create(target, true).close();
    assertThat(names(target)).containsExactly("old", "phial.json");
    assertThat(names(parent)).containsExactly("model");
  }

  @Test
  void whatALivingProcessSetAsideStays() throws IOException {
    long pid = ProcessHandle.current().pid();
    Path old = Files.createDirectory(parent.resolve(".model.%d-a1.old".formatted(pid)));
    AtomicFolder.create(target, false).close();
    assertThat(names(parent)).containsExactly(old.getFileName().toString());
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
    List<String> before = visible();
    assertThatThrownBy(() -> AtomicFolder.create(target, replace))
        .isInstanceOf(PhialException.OutputFailed.class)
        .hasMessageContaining(target.toString())
        .hasMessageContaining(reason);
    assertThat(visible()).isEqualTo(before);
  }

  private List<String> visible() throws IOException {
    return names(parent).stream().filter(name -> !name.startsWith(".")).toList();
  }

  /** A folder with files of these names, and a manifest that names them if it is among them. */
  private void export(List<String> files) throws IOException {
    Files.createDirectory(target);
    for (String file : files) {
      String entries =
          files.stream().map("\"%s\": \"hash\""::formatted).collect(Collectors.joining(", "));
      Files.writeString(target.resolve(file), "{\"files\": {%s}}".formatted(entries));
    }
  }

  private void clear() throws IOException {
    for (String name : names(target)) {
      Files.delete(target.resolve(name));
    }
    Files.delete(target);
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
