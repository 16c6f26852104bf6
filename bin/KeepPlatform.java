import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Takes out of jars what is for other systems than one: the folders of {@code native/lib} but one.
 *
 * <p>{@code java KeepPlatform.java SYSTEM-MACHINE JAR...}, such as {@code linux-x64}
 */
final class KeepPlatform {
  private KeepPlatform() {}

  public static void main(String[] arguments) throws IOException {
    String platform = platform(arguments[0]);
    for (String jar : List.of(arguments).subList(1, arguments.length)) {
      try (FileSystem files = FileSystems.newFileSystem(Path.of(jar))) {
        Path libraries = files.getPath("/native/lib");
        List<Path> others;
        try (Stream<Path> all = Files.list(libraries)) {
          others =
              all.filter(Files::isDirectory)
                  .filter(folder -> !folder.getFileName().toString().startsWith(platform))
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
  private static String platform(String name) {
    String[] words = name.split("-", 2);
    String system = words[0].replace("windows", "win").replace("macos", "osx");
    return system + "-" + words[1].replace("x64", "x86_64").replace("arm64", "aarch64");
  }
}
