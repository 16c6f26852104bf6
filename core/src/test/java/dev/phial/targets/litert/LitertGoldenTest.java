package dev.phial.targets.litert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.ExportedFolder;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * With {@code --pure}, codes and scales are those that litert-torch and ai-edge-quantizer wrote, by
 * their SHA-256: every matrix but Phi-2's queries, keys and values, which they put in one matrix,
 * head by head. {@code tools/make-litert-golden.py} makes the list.
 */
final class LitertGoldenTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "fp16,fp16",
    "q8,'int8,pure'",
    "q4_block32,'int4,pure'",
    "q4_block128,'int4,pure,block-size=128'",
    "dynamic_wi4_afp32,'int4,pure,block-size=-1'"
  })
  void codesAndScalesAreTheirs(String scheme, String spelling) {
    for (String model : List.of("tiny-phi3", "phi2", "phi3-mini-4k", "phi4-mini")) {
      List<String> expected = expected(model, scheme);
      assertThat(expected).as(model).isNotEmpty();
      ExportedFolder.write(new LitertTarget(), model, spelling, folder);
      try (Checkpoint written = Sources.open(folder.resolve("litert"))) {
        assertThat(written.tensors().values().stream().map(LitertGoldenTest::hashes).distinct())
            .as(model)
            .containsAll(expected);
      }
    }
  }

  private static List<String> expected(String model, String scheme) {
    try (InputStream in = LitertGoldenTest.class.getResourceAsStream("codes.tsv")) {
      String text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      String start = "%s\t%s\t".formatted(model, scheme);
      return text.lines()
          .filter(line -> line.startsWith(start))
          .map(line -> line.substring(start.length()))
          .toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String hashes(Tensor tensor) {
    return tensor.scales() instanceof GroupScales groups
        ? sha256(tensor) + "\t" + sha256(groups.scales())
        : sha256(tensor) + "\t-";
  }

  private static String sha256(Tensor tensor) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update(tensor.data().toArray(ValueLayout.JAVA_BYTE));
      return HexFormat.of().formatHex(sha.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
