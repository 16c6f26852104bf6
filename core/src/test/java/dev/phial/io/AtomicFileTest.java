package dev.phial.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.phial.PhialException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A file appears when it is complete, and only then. */
final class AtomicFileTest {
  @TempDir Path folder;
  private Path target = Path.of("");

  @BeforeEach
  void name() {
    target = folder.resolve("model.gguf");
  }

  @Test
  void appearsWhenCommitted() {
    try (AtomicFile file = AtomicFile.create(target, false)) {
      file.write(bytes("there"), 6);
      file.write(bytes("hello "), 0);
      assertThat(target).doesNotExist();
      assertThat(names()).hasSize(1).allMatch(name -> name.startsWith(".model.gguf."));
      file.commit();
    }
    assertThat(target).hasContent("hello there");
    assertThat(names()).containsExactly("model.gguf");
  }

  @Test
  void leavesNothingWhenNotCommitted() {
    try (AtomicFile file = AtomicFile.create(target, false)) {
      file.write(bytes("half"), 0);
    }
    assertThat(names()).isEmpty();
  }

  @Test
  void manyThreadsMayWrite() throws InterruptedException {
    int threads = 8;
    int length = 100_000;
    try (AtomicFile file = AtomicFile.create(target, false)) {
      List<Thread> workers = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        byte[] own = new byte[length];
        Arrays.fill(own, (byte) i);
        long position = (long) i * length;
        workers.add(Thread.ofPlatform().start(() -> file.write(ByteBuffer.wrap(own), position)));
      }
      for (Thread worker : workers) {
        worker.join();
      }
      file.commit();
    }
    assertThat(target).hasSize((long) threads * length);
    assertThat(read(target)).startsWith(0, 0).endsWith(7, 7);
  }

  @Test
  void makesTheFoldersAbove() {
    Path deep = folder.resolve("a/b/model.gguf");
    try (AtomicFile file = AtomicFile.create(deep, false)) {
      file.commit();
    }
    assertThat(deep).isEmptyFile();
  }

  @Test
  void refusesWhatExistsBeforeAnyWork() throws IOException {
    Files.writeString(target, "old");
    refused(target, false, "exists already; pass --force");
    assertThat(target).hasContent("old");
  }

  @Test
  void refusesWhatAppearedMeanwhile() throws IOException {
    try (AtomicFile file = AtomicFile.create(target, false)) {
      Files.writeString(target, "theirs");
      assertThatThrownBy(file::commit)
          .isInstanceOf(PhialException.OutputFailed.class)
          .hasMessageContaining("exists already");
    }
    assertThat(target).hasContent("theirs");
    assertThat(names()).containsExactly("model.gguf");
  }

  @Test
  void replacesWhenAsked() throws IOException {
    Files.writeString(target, "old");
    try (AtomicFile file = AtomicFile.create(target, true)) {
      file.write(bytes("new"), 0);
      assertThat(target).hasContent("old");
      file.commit();
    }
    assertThat(target).hasContent("new");
  }

  @Test
  void keepsTheOldOneWhenNotCommitted() throws IOException {
    Files.writeString(target, "old");
    try (AtomicFile file = AtomicFile.create(target, true)) {
      file.write(bytes("new"), 0);
    }
    assertThat(target).hasContent("old");
    assertThat(names()).containsExactly("model.gguf");
  }

  @Test
  void filesThatBelongTogetherAppearTogetherOrNotAtAll() throws IOException {
    Path second = folder.resolve("second");
    try (AtomicFile a = AtomicFile.create(target, false);
        AtomicFile b = AtomicFile.create(second, false)) {
      Files.writeString(second, "theirs");
      assertThatThrownBy(() -> AtomicFile.commit(List.of(a, b))).hasMessageContaining("second");
    }
    assertThat(names()).containsExactly("second");
    assertThat(second).hasContent("theirs");
    Files.delete(second);
    try (AtomicFile a = AtomicFile.create(target, false);
        AtomicFile b = AtomicFile.create(second, false)) {
      AtomicFile.commit(List.of(a, b));
    }
    assertThat(names()).containsExactly("model.gguf", "second");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void refusesPlacesWhereNoFileCanBe(boolean replace) throws IOException {
    Files.createDirectory(target);
    refused(target, replace, "is a folder");
    Path file = Files.writeString(folder.resolve("file"), "x");
    refused(
        file.resolve("model.gguf"), replace, "could not be written: " + file + " is not a folder");
    refused(Path.of("/"), replace, "is a folder");
    refused(folder.resolve("x".repeat(300)), replace, "could not be written");
  }

  /** Java would make a folder called {@code hdfs:}. */
  @Test
  @DisabledOnOs(OS.WINDOWS) // where such a path is none
  void refusesWhatWasMeantToBeElsewhere() {
    refused(Path.of("hdfs:", "server", "file"), true, "expected a path, found a URI");
  }

  /** Whoever names a device wants to write to it, not to have it replaced. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void replacesNothingButFiles(boolean replace) throws Exception {
    Path other = Files.writeString(folder.resolve("other"), "precious");
    Files.createSymbolicLink(target, other);
    refused(target, replace, "expected a file to replace, found a symbolic link");
    Files.delete(other);
    refused(target, replace, "expected a file to replace, found a symbolic link");
    Files.delete(target);
    try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      socket.bind(UnixDomainSocketAddress.of(target));
      refused(target, replace, "expected a file to replace, found a device, pipe or socket");
    }
    Path device = Path.of("/dev/null");
    assumeTrue(Files.exists(device), "there are no devices");
    refused(device, replace, "expected a file to replace, found a device, pipe or socket");
  }

  @Test
  void doesNotReplaceALinkThatAppearedMeanwhile() throws IOException {
    Path other = Files.writeString(folder.resolve("other"), "precious");
    try (AtomicFile file = AtomicFile.create(target, true)) {
      Files.createSymbolicLink(target, other);
      assertThatThrownBy(file::commit).hasMessageContaining("found a symbolic link");
    }
    assertThat(target).isSymbolicLink().hasContent("precious");
    assertThat(names()).containsExactly("model.gguf", "other");
  }

  /** The name of a part is longer than that of its target. */
  @ParameterizedTest
  @ValueSource(ints = {100, 200, 201, 245, 255})
  void longNamesAreLegal(int length) throws IOException {
    for (String letter : List.of("x", "ü", "語", "😀")) {
      int bytes = letter.getBytes(StandardCharsets.UTF_8).length;
      String name = letter.repeat(length / bytes) + "x".repeat(length % bytes);
      Path path = folder.resolve(name);
      for (int i = 0; i < 2; i++) {
        try (AtomicFile file = AtomicFile.create(path, true)) {
          file.write(bytes("there"), 0);
          file.commit();
        }
      }
      assertThat(names()).containsExactly(name);
      Files.delete(path);
    }
  }

  private static void refused(Path target, boolean replace, String reason) {
    assertThatThrownBy(() -> AtomicFile.create(target, replace))
        .isInstanceOf(PhialException.OutputFailed.class)
        .hasMessageContaining(target.toString())
        .hasMessageContaining(reason);
  }

  /** A part may be left behind, but it is hidden; an end that is asked for leaves none. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void killedProcessLeavesNothingThatLooksFinished(boolean forcibly) throws Exception {
    Files.writeString(target, "old");
    Process process = start(List.of(), "wait");
    try (BufferedReader out = out(process)) {
      assertThat(out.readLine()).isEqualTo("writing");
      if (forcibly) {
        process.destroyForcibly();
      } else {
        process.destroy();
      }
      assertThat(process.waitFor()).isNotZero();
    }
    assertThat(target).hasContent("old");
    assertThat(names()).filteredOn(name -> !name.startsWith(".")).containsExactly("model.gguf");
    assertThat(names()).hasSize(forcibly ? 2 : 1);
    AtomicFile.create(target, true).close(); // the next one tidies up
    assertThat(names()).containsExactly("model.gguf");
  }

  @Test
  void leavesThePartsOfThoseWhoStillWrite() throws Exception {
    Process process = start(List.of(), "wait");
    try (BufferedReader out = out(process)) {
      assertThat(out.readLine()).isEqualTo("writing");
      List<String> theirs = names();
      AtomicFile.create(target, true).close();
      assertThat(names()).isEqualTo(theirs).hasSize(1);
    } finally {
      process.destroyForcibly().waitFor();
    }
  }

  /** A process may not write more than so many blocks of 512 bytes: a disk that is full. */
  @Test
  void fullDiskIsOneSentenceAndLeavesNothing() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "there is no shell to set a limit");
    Files.writeString(target, "old");
    Process process = start(List.of("/bin/sh", "-c", "ulimit -f 64 && exec \"$@\"", "sh"), "fill");
    try (BufferedReader out = out(process)) {
      String line = out.readLine();
      assumeTrue(!"no limit".equals(line), "the shell cannot set a limit");
      assertThat(line)
          .startsWith("refused: " + target + " could not be written: ")
          .endsWith("nothing was left behind");
      assertThat(process.waitFor()).isZero();
    }
    assertThat(target).hasContent("old");
    assertThat(names()).containsExactly("model.gguf");
  }

  private Process start(List<String> before, String what) throws IOException {
    List<String> command = new ArrayList<>(before);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xshare:auto", "-XX:-UsePerfData"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
    command.addAll(List.of(Writing.class.getName(), target.toString(), what));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** Writes a file, and waits to be killed or fills the disk. */
  static final class Writing {
    public static void main(String[] args) throws InterruptedException {
      try (AtomicFile file = AtomicFile.create(Path.of(args[0]), true)) {
        file.write(ByteBuffer.allocate(100), 0);
        if (args[1].equals("wait")) {
          System.out.println("writing");
          Thread.sleep(60_000);
        }
        file.write(ByteBuffer.allocate(1 << 20), 100);
        System.out.println("no limit");
      } catch (PhialException e) {
        System.out.println("refused: " + e.getMessage());
      }
    }
  }

  private static BufferedReader out(Process process) {
    return new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private List<String> names() {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
