package dev.phial.conformance;

import dev.phial.cli.Main;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** Runs the command line. */
final class Phial {
  static final Path ROOT = root();
  static final Path MODELS = ROOT.resolve("fixtures/models");

  private Phial() {}

  private static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("mvnw"))) {
      folder = Objects.requireNonNull(folder.getParent(), "tests run within the source tree");
    }
    return folder;
  }

  /** The path of a checkpoint among the fixtures. */
  static String model(String name) {
    return MODELS.resolve(name).toString();
  }

  /** The folder of a checkpoint's importance matrices, if it has any. */
  static Path imatrixFolder(String model) {
    return ROOT.resolve("fixtures/imatrix").resolve(model);
  }

  /**
   * Lays the importance matrix of a checkpoint in the working folder as imatrix.gguf: the path it
   * is given by becomes part of a file.
   */
  static void layImatrix(String model) {
    try {
      Files.copy(
          imatrixFolder(model).resolve("imatrix.gguf"),
          Path.of("imatrix.gguf"),
          StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Runs it in this process, which is faster. */
  static Command.Result call(List<String> arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream systemOut = System.out;
    PrintStream systemErr = System.err;
    try {
      System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
      System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
      int status = Main.run(arguments.toArray(new String[0]));
      return new Command.Result(
          status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(systemOut);
      System.setErr(systemErr);
    }
  }

  /**
   * Runs it in a process of its own, as a user does.
   *
   * @param folder to run in
   */
  static Command.Result run(Path folder, List<String> arguments) {
    return Command.run(folder, words(arguments));
  }

  /** The program and its arguments. */
  static List<String> words(List<String> arguments) {
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.add("@" + ROOT.resolve("bin/phial.args"));
    words.add("@" + ROOT.resolve("bin/jdk.args"));
    words.add("@" + ROOT.resolve("bin/heap.args"));
    words.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
    words.add("dev.phial.cli.Main");
    words.addAll(arguments);
    return words;
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
