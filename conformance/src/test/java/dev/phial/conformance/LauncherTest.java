package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code ./phial} itself, in a checkout of its own whose build is a stand-in: it counts how often
 * it is asked, and gives the classes that are under test.
 */
@DisabledOnOs(OS.WINDOWS)
final class LauncherTest {
  private static final String OF_JAVA = "WARNING: Using incubator modules: jdk.incubator.vector\n";

  @TempDir Path folder;
  private Path home = Path.of("");

  @BeforeEach
  void checkOut() throws IOException {
    home = folder.resolve("a \"check\" out");
    for (String name :
        List.of(
            "phial",
            "bin/find-jdk",
            "bin/phial.args",
            "bin/jdk.args",
            "bin/heap.args",
            "bin/engine.args",
            "bin/method.args")) {
      Files.createDirectories(home.resolve(name).getParent());
      Files.copy(Phial.ROOT.resolve(name), home.resolve(name));
    }
    Files.createDirectories(home.resolve("core/src/main/java"));
    Files.writeString(home.resolve("pom.xml"), "");
    jar(home.resolve("classes.jar"));
    script(
        home.resolve("bin/build"),
        """
        #!/bin/sh
        set -eu
        cd "$(dirname "$0")/.."
        echo built >>builds
        mkdir -p cli/target/dist/lib
        cp -p classes.jar cli/target/dist/lib/
        touch cli/target/dist/built
        """);
  }

  @Test
  void buildsOnFirstUseAndIsQuietAfterwards() throws IOException {
    for (int i = 0; i < 2; i++) {
      Command.Result result = launch(List.of("./phial", "--version")).succeeded();
      assertThat(result.out()).startsWith("phial ");
      assertThat(result.err()).isEqualTo(OF_JAVA);
    }
    assertThat(builds()).isEqualTo(1);
  }

  /** Else Java would open the next file in its place, and read that. */
  @Test
  void aClosedInputIsEmpty() throws IOException {
    Command.Result result =
        launch(List.of("sh", "-c", "./phial tokenize " + Phial.model("phi4") + " <&-")).succeeded();
    assertThat(result.err()).contains("0 tokens");
  }

  @Test
  void buildsAgainWhenASourceHasChanged() throws IOException {
    launch(List.of("./phial", "--version")).succeeded();
    Path source = Files.writeString(home.resolve("core/src/main/java/New.java"), "");
    Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(60)));
    launch(List.of("./phial", "--version")).succeeded();
    assertThat(builds()).isEqualTo(2);
  }

  @Test
  void aBuildThatFailsIsNotRun() throws IOException {
    script(home.resolve("bin/build"), "#!/bin/sh\necho 'no network' && exit 3\n");
    Command.Result result = launch(List.of("./phial", "--version"));
    assertThat(result.status()).isEqualTo(3);
    assertThat(result.err()).isEqualTo("no network\n");
    assertThat(result.out()).isEmpty();
  }

  @Test
  void startsFromAnotherFolderAndThroughLinks() throws IOException {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Path link = Files.createSymbolicLink(elsewhere.resolve("direct"), home.resolve("phial"));
    Files.createSymbolicLink(elsewhere.resolve("phial"), link.getFileName());
    Command.run(elsewhere, List.of(home.resolve("phial").toString(), "--version"), jdk())
        .succeeded();
    Command.run(elsewhere, List.of("./phial", "--version"), jdk()).succeeded();
    assertThat(builds()).isEqualTo(1);
  }

  @Test
  void passesArgumentsAndStatusOn() {
    Command.Result result = launch(List.of("./phial", "inspect", "no such  $HOME 'folder'"));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("no such  $HOME 'folder': there is no such file or folder");
    assertThat(launch(List.of("./phial", "inspect")).status()).isEqualTo(2);
  }

  /** Java itself ends with a trace; whoever may have more files gets them. */
  @Test
  void saysWhenItMayHaveTooFewFiles() {
    Command.Result result = launch(List.of("sh", "-c", "ulimit -n 14 && exec ./phial --version"));
    if (result.status() == 0) {
      assertThat(result.out()).startsWith("phial ");
    } else {
      assertThat(result.err())
          .startsWith("phial: expected to be allowed 64 open files, found 14; ")
          .hasLineCount(1);
    }
  }

  /** Java knows no umlauts in the C locale, which is what cron jobs and containers have. */
  @Test
  void readsNamesInTheCLocale() throws IOException {
    script(folder.resolve("run"), "#!/bin/sh\nexec ./phial inspect 'phi mit Umlaut: ü'\n");
    Command.Result result =
        Command.run(
            home,
            List.of(folder.resolve("run").toString()),
            Map.of("LC_ALL", "C", "JAVA_HOME", System.getProperty("java.home")));
    assertThat(result.err()).contains("phi mit Umlaut: ü: there is no such file");
  }

  @Test
  void saysWhatToInstallWhenThereIsNoJdk() throws IOException {
    Path findJdk = home.resolve("bin/find-jdk");
    script(findJdk, Files.readString(findJdk).replace("wanted=25", "wanted=999"));
    Command.Result result = launch(List.of("./phial", "--version"));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).startsWith("Phial needs a JDK 999 or newer").contains("JAVA_HOME");
    assertThat(result.out()).isEmpty();
  }

  @Test
  void runsWhatIsBuiltInAReadOnlyCheckoutAndSaysWhatIsNot() throws IOException {
    launch(List.of("./phial", "--version")).succeeded();
    Files.setLastModifiedTime(
        home.resolve("pom.xml"), FileTime.from(Instant.now().plusSeconds(60)));
    assertThat(home.toFile().setWritable(false)).isTrue();
    try {
      assumeThat(Files.isWritable(home)).as("root may write everywhere").isFalse();
      launch(List.of("./phial", "--version")).succeeded();
      assertThat(builds()).isEqualTo(1);
      Files.delete(home.resolve("cli/target/dist/built"));
      Command.Result result = launch(List.of("./phial", "--version"));
      assertThat(result.status()).isEqualTo(1);
      assertThat(result.err()).contains("not built yet").contains("bin/build");
    } finally {
      assertThat(home.toFile().setWritable(true)).isTrue();
    }
  }

  private Command.Result launch(List<String> words) {
    return Command.run(home, words, jdk());
  }

  private static Map<String, String> jdk() {
    return Map.of("JAVA_HOME", System.getProperty("java.home"));
  }

  private int builds() throws IOException {
    return Files.readAllLines(home.resolve("builds")).size();
  }

  private static void script(Path file, String text) throws IOException {
    Files.writeString(file, text);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  /** A jar that stands for the class path of this test. */
  private static void jar(Path file) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest
        .getMainAttributes()
        .put(
            Attributes.Name.CLASS_PATH,
            Arrays.stream(System.getProperty("java.class.path", "").split(File.pathSeparator, -1))
                .map(entry -> Path.of(entry).toUri().toString())
                .collect(Collectors.joining(" ")));
    try (OutputStream out = Files.newOutputStream(file)) {
      new JarOutputStream(out, manifest).close();
    }
  }
}
