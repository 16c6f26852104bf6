package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.PhialException;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** What the fuzz tests share; docs/fuzzing.md says how to run them. */
final class Fuzzing {
  private Fuzzing() {}

  static Path folder() {
    try {
      Path folder = Files.createTempDirectory("phial-fuzz");
      folder.toFile().deleteOnExit();
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path write(Path file, byte[] bytes) {
    file.toFile().deleteOnExit();
    return Refused.write(file, bytes);
  }

  /** Whatever a file holds, it is read, or refused with a message that a user can be shown. */
  static void readOrRefuse(Path file, Runnable reading) {
    try {
      reading.run();
    } catch (PhialException e) {
      assertThat(e)
          .message()
          .contains(file.toString())
          .hasSizeLessThan(4000)
          .doesNotContainPattern("\\p{Cc}");
    }
  }

  /** Every tensor that was let through must decode. */
  static void decode(Map<String, Tensor> tensors) {
    tensors.keySet().forEach(name -> assertThat(Tensors.values(tensors, name)).isNotEmpty());
  }
}
