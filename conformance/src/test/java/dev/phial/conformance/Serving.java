package dev.phial.conformance;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** {@code phial serve} in a process of its own, as a user starts it. */
final class Serving implements AutoCloseable {
  private final Process process;
  private final Path log;
  private final String url;

  /**
   * @param folder for its log
   */
  Serving(Path folder, Map<String, String> environment, String... arguments) throws IOException {
    List<String> words = new ArrayList<>(Phial.words(List.of("serve", "--port", "0")));
    words.addAll(List.of(arguments));
    log = folder.resolve("serve.log");
    ProcessBuilder builder =
        new ProcessBuilder(words).directory(folder.toFile()).redirectError(log.toFile());
    builder.environment().putAll(environment);
    process = builder.start();
    process.getOutputStream().close();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String line = out.readLine();
    if (line == null) {
      throw new AssertionError(log());
    }
    url = line;
  }

  /** Its base URL, which ends in {@code /v1}. */
  String url() {
    return url;
  }

  long pid() {
    return process.pid();
  }

  String log() throws IOException {
    return Files.readString(log);
  }

  /**
   * Ends it as a system does.
   *
   * @return the exit status
   */
  int terminate() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      throw new AssertionError("it does not end");
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
