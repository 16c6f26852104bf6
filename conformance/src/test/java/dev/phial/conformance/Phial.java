package dev.phial.conformance;

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

  /** The path of a checkpoint among the fixtures. */
  static String model(String name) {
    return MODELS.resolve(name).toString();
  }

  /** Where a run finds imatrix.gguf of a checkpoint, if there is one. */
  static Path imatrixFolder(String model) {
    Path imatrix = ROOT.resolve("fixtures/imatrix").resolve(model);
    return Files.isDirectory(imatrix) ? imatrix : ROOT;
  }

  /**
   * @param folder to run in
   */
  static Command.Result run(Path folder, List<String> arguments) {
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.add("@" + ROOT.resolve("bin/phial.args"));
    words.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
    words.add("dev.phial.cli.Main");
    words.addAll(arguments);
    return Command.run(folder, words);
  }

  static String sha256(Path file) {
    try {
      return sha256(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
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
