import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Takes out of jars what is for other systems than this: the folders of {@code native/lib} but one.
 *
 * <p>{@code java KeepPlatform.java JAR...}
 */
final class KeepPlatform {
  private KeepPlatform() {}

  public static void main(String[] jars) throws IOException {
    for (String jar : jars) {
      try (FileSystem files = FileSystems.newFileSystem(Path.of(jar))) {
        Path libraries = files.getPath("/native/lib");
        List<Path> others;
        try (Stream<Path> all = Files.list(libraries)) {
          others =
              all.filter(Files::isDirectory)
                  .filter(folder -> !folder.getFileName().toString().startsWith(platform()))
                  .toList();
        }
        for (Path folder : others) {
          try (Stream<Path> all = Files.walk(folder)) {
            for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
              Files.delete(file);
            }
          }
        }
      }
    }
  }

  /** As the library calls it. */
  private static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String machine = System.getProperty("os.arch");
    return (system.startsWith("windows") ? "win" : system.startsWith("mac") ? "osx" : "linux")
        + "-"
        + (machine.equals("amd64") ? "x86_64" : machine);
  }
}
