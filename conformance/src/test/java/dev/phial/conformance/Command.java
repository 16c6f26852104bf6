package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs a program to its end, in a process of its own. */
final class Command {
  private Command() {}

  /** What a run left. */
  record Result(int status, String out, String err) {
    Result succeeded() {
      assertThat(status).as(err).isZero();
      return this;
    }
  }

  /**
   * @param folder to run in
   * @param words the program and its arguments
   */
  static Result run(Path folder, List<String> words) {
    return run(folder, words, Map.of());
  }

  /**
   * @param in what the program reads
   */
  static Result run(Path folder, List<String> words, Path in) {
    return run(new ProcessBuilder(words).directory(folder.toFile()).redirectInput(in.toFile()));
  }

  /**
   * @param environment what differs from ours
   */
  static Result run(Path folder, List<String> words, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder(words).directory(folder.toFile());
    builder.environment().putAll(environment);
    return run(builder);
  }

  private static Result run(ProcessBuilder builder) {
    try {
      Path out = Files.createTempFile("phial", ".out");
      Path err = Files.createTempFile("phial", ".err");
      try {
        Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        process.getOutputStream().close();
        boolean ended = process.waitFor(10, TimeUnit.MINUTES);
        process.destroyForcibly();
        assertThat(ended).as("%s ended; it said: %s", builder.command(), text(err)).isTrue();
        return new Result(process.exitValue(), text(out), text(err));
      } finally {
        Files.delete(out);
        Files.delete(err);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** What is no text is replaced: a model may generate half a character. */
  private static String text(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }
}
