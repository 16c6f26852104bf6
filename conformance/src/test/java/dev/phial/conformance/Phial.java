package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** Runs the command line in a process of its own, as a user does. */
final class Phial {
  static final Path ROOT = Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());
  static final Path MODELS = ROOT.resolve("fixtures/models");

  private Phial() {}

  /** What a run left. */
  record Result(int status, String out, String err) {
    Result succeeded() {
      assertThat(status).as(err).isZero();
      return this;
    }
  }

  /**
   * @param folder to run in
   */
  static Result run(Path folder, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("@" + ROOT.resolve("bin/phial.args"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
    command.add("dev.phial.cli.Main");
    command.addAll(arguments);
    try {
      Path out = Files.createTempFile("phial", ".out");
      Path err = Files.createTempFile("phial", ".err");
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      int status = process.waitFor();
      Result result = new Result(status, Files.readString(out), Files.readString(err));
      Files.delete(out);
      Files.delete(err);
      return result;
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  static String sha256(Path file) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(Files.readAllBytes(file)));
    } catch (IOException | NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  static String resource(String name) {
    try (var in = Phial.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new AssertionError("no resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
