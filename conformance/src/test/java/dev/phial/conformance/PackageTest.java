package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What is in an archive for this machine runs where there is no JDK. */
@EnabledOnOs(OS.LINUX)
final class PackageTest {
  /** As llama.cpp writes it; README.md begins with this command. */
  private static final String DEMO =
      "1627cc60371adc713966c70fe49b5d15db2446bebed374f9be90e96d7c8a9726";

  @TempDir private Path folder;

  /** Runs it in an environment that is all but empty. */
  private Command.Result phial(Path place, String... arguments) {
    List<String> words =
        new ArrayList<>(
            List.of("env", "-i", "PATH=/usr/bin:/bin", "HOME=" + folder, "JAVA_HOME=/nowhere"));
    words.add(place.resolve("phial").toString());
    words.addAll(List.of(arguments));
    return Command.run(folder, words);
  }

  @Test
  void runsWithoutAJdkAndWithoutAWarning() throws IOException {
    assumeThat(Phial.ROOT.resolve("cli/target/dist/lib")).isDirectory();
    String script = Phial.ROOT.resolve("bin/package").toString();
    List<String> words = List.of(script, "--unpacked", folder.toString());
    Path place = Path.of(Command.run(Phial.ROOT, words).succeeded().out().strip());
    assertThat(place.resolve("phial.aot")).isNotEmptyFile();

    Command.Result version = phial(place, "--version").succeeded();
    assertThat(version.err()).isEmpty();
    assertThat(version.out()).contains(" kernels");
    assertVectorsAreCompiled(place);

    Command.Result result = phial(place, "quantize", "demo", "--to", "gguf:Q4_K_M").succeeded();
    assertThat(result.err()).doesNotContain("WARNING");
    assertThat(Phial.sha256(folder.resolve("tiny-phi3-gguf-Q4_K_M.gguf"))).isEqualTo(DEMO);
  }

  @Test
  void refusesToMakeWhatItHasNoJavaFor() {
    String script = Phial.ROOT.resolve("bin/package").toString();
    assertThat(Command.run(folder, List.of(script, "--for", "macos-arm64", ".")).err())
        .contains("expected --jmods");
    assertThat(Command.run(folder, List.of(script, "--for", "amiga-x64", ".")).err())
        .contains("expected linux, macos or windows");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aFormulaNamesArchivesAndTheirHashes() throws IOException {
    String script = Phial.ROOT.resolve("tools/make-homebrew-formula").toString();
    Path mac = Files.writeString(folder.resolve("phial-1.2-macos-arm64.tar.xz"), "mac");
    Path linux = Files.writeString(folder.resolve("phial-1.2-linux-x64.tar.xz"), "linux");
    String url = "https://example.org/download";
    assertThat(
            Command.run(folder, List.of(script, url, mac.toString(), linux.toString()))
                .succeeded()
                .out())
        .contains("version \"1.2\"", "on_macos do\n    on_arm do", "on_linux do\n    on_intel do")
        .contains("url \"" + url + "/phial-1.2-macos-arm64.tar.xz\"")
        .contains("sha256 \"" + Phial.sha256(mac) + "\"", "sha256 \"" + Phial.sha256(linux) + "\"");
    Path other = Files.writeString(folder.resolve("phial-1.1-linux-x64.tar.xz"), "older");
    Command.Result refused =
        Command.run(folder, List.of(script, url, mac.toString(), other.toString()));
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.out()).isEmpty();
    assertThat(refused.err()).contains("expected an archive of Phial 1.2");
  }

  /**
   * Where the start-up cache has the modules ready-made, Java does not see that vectors are among
   * them. What it then does is right, and twenty times slower.
   */
  private void assertVectorsAreCompiled(Path place) throws IOException {
    try (Stream<Path> jars = Files.list(place.resolve("lib"))) {
      String classPath =
          jars.map(Path::toString).sorted().collect(Collectors.joining(File.pathSeparator));
      List<String> words = new ArrayList<>();
      words.add(place.resolve("runtime/bin/java").toString());
      for (String file : List.of("phial.args", "image.args", "heap.args")) {
        words.add("@" + place.resolve("bin").resolve(file));
      }
      words.addAll(List.of("-XX:+UnlockExperimentalVMOptions", "-XX:+PrintFlagsFinal"));
      words.addAll(List.of("-XX:AOTCache=" + place.resolve("phial.aot"), "-cp", classPath));
      words.addAll(List.of("dev.phial.cli.Main", "--version"));
      assertThat(Command.run(folder, words).succeeded().out())
          .containsPattern(" EnableVectorSupport += true")
          .containsPattern(" EnableVectorReboxing += true")
          .containsPattern(" EnableVectorAggressiveReboxing += true");
    }
  }
}
