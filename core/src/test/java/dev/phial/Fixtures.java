package dev.phial;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The small checkpoints of {@code fixtures/models}, one or more of every family. */
public final class Fixtures {
  private static final Path MODELS = Path.of("../fixtures/models").toAbsolutePath().normalize();

  private Fixtures() {}

  public static Path model(String name) {
    return MODELS.resolve(name);
  }

  /** Their names, in order. */
  public static List<String> models() {
    try (Stream<Path> folders = Files.list(MODELS)) {
      return folders.map(folder -> folder.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
