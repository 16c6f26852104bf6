package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several outputs of one read are what each of them is alone. */
final class OnePassTest {
  private static final String MODEL = "phi3-mini-4k";

  @TempDir Path folder;

  @Test
  void everyTargetWritesWhatItWritesAlone() throws IOException {
    List<String> precisions =
        Targets.ALL.stream().flatMap(OnePassTest::someOf).sorted().toList(); // by target
    Path together = folder.resolve("together");
    List<String> arguments =
        new ArrayList<>(List.of("quantize", Phial.model(MODEL), "-o", together.toString()));
    precisions.forEach(precision -> arguments.addAll(List.of("--to", precision)));
    Command.Result result = Phial.call(arguments).succeeded();
    assertThat(result.out().lines()).hasSameSizeAs(precisions);
    for (String precision : precisions) {
      Path alone = folder.resolve("alone");
      Phial.call(
              List.of(
                  "quantize",
                  Phial.model(MODEL),
                  "--to",
                  precision,
                  "--force",
                  "-o",
                  alone + (precision.startsWith("gguf") ? ".gguf" : "")))
          .succeeded();
      String name = MODEL + "-" + precision.replace(':', '-');
      if (precision.startsWith("gguf")) {
        assertThat(together.resolve(name + ".gguf"))
            .hasSameBinaryContentAs(folder.resolve("alone.gguf"));
      } else {
        assertSame(together.resolve(name), alone);
      }
    }
  }

  /** Precisions that targets share by name are where one could be taken for another. */
  private static Stream<String> someOf(Target target) {
    List<String> all = target.precisions();
    Stream<String> shared = Stream.of("int4", "int8").filter(all::contains);
    return Stream.concat(Stream.of(all.getFirst()), shared)
        .distinct()
        .map(precision -> target.name() + ":" + precision);
  }

  private static void assertSame(Path found, Path expected) throws IOException {
    try (Stream<Path> files = Files.list(expected)) {
      for (Path file : files.toList()) {
        assertThat(found.resolve(file.getFileName())).hasSameBinaryContentAs(file);
      }
    }
    try (Stream<Path> more = Files.list(found);
        Stream<Path> files = Files.list(expected)) {
      assertThat(more.count()).isEqualTo(files.count());
    }
  }

  @Test
  void oneOutputIsNotWrittenTwice() {
    Command.Result result =
        Phial.call(
            List.of(
                "quantize",
                Phial.model(MODEL),
                "--to",
                "onnx:int4",
                "--to",
                "onnx:int4",
                "-o",
                folder.toString()));
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains("written twice");
  }
}
