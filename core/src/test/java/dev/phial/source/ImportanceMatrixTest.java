package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ImportanceMatrixTest {
  @TempDir Path folder;

  private static byte[] entry(String name, int calls, float... values) {
    List<Object> parts = new ArrayList<>(List.of(name.length(), name, calls, values.length));
    for (float value : values) {
      parts.add(value);
    }
    return Bytes.of(parts.toArray());
  }

  static byte[] legacy() {
    return Bytes.of(2, entry("a", 4, 2, 8), entry("b", 0, 3, 5), 7, 4, "text");
  }

  static byte[] gguf() {
    return gguf(
        List.of(
            GgufTest.tensor("a.in_sum2", GgufTest.F32, 0, 2, 1),
            GgufTest.tensor("a.counts", GgufTest.F32, 32, 1, 1),
            GgufTest.tensor("b.in_sum2", GgufTest.F32, 64, 2, 3),
            GgufTest.tensor("b.counts", GgufTest.F32, 96, 1, 3),
            GgufTest.tensor("c", GgufTest.F32, 128, 1)),
        data(2, 8),
        data(4),
        data(1, 2, 3, 4, 5, 6),
        data(2, 0, -1),
        data(0));
  }

  private static byte[] gguf(List<byte[]> tensors, Object... data) {
    return GgufTest.file(
        List.of(
            GgufTest.pair("imatrix.datasets", GgufType.ARRAY, 8, 2L, text("text"), text("more")),
            GgufTest.pair("imatrix.chunk_count", GgufType.UINT32, 7),
            GgufTest.pair("imatrix.chunk_size", GgufType.UINT32, 512)),
        tensors,
        data);
  }

  private static byte[] text(String text) {
    return GgufTest.text(text);
  }

  /** Numbers, padded to 32 bytes. */
  private static byte[] data(float... values) {
    List<Object> parts = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      parts.add(i < values.length ? values[i] : 0f);
    }
    return Bytes.of(parts.toArray());
  }

  @Test
  void readsTheOlderLayout() {
    ImportanceMatrix matrix = read(legacy());
    assertThat(matrix.weights().get("a")).containsExactly(0.5f, 2);
    assertThat(matrix.weights().get("b")).containsExactly(3, 5); // never called
    assertThat(matrix.chunks()).isEqualTo(7);
    assertThat(matrix.dataset()).contains("text");
  }

  @Test
  void theOlderLayoutMayEndAfterItsEntries() {
    assertThat(read(Bytes.of(1, entry("a", 1, 2))).chunks()).isZero();
    assertThat(read(Bytes.of(1, entry("a", 1, 2), 3)).dataset()).isEmpty();
    assertThat(read(Bytes.of(1, entry("a", 1, 2), 3, 0)).dataset()).isEmpty();
  }

  @Test
  void readsGguf() {
    ImportanceMatrix matrix = read(gguf());
    assertThat(matrix.weights()).containsOnlyKeys("a", "b");
    assertThat(matrix.weights().get("a")).containsExactly(0.5f, 2);
    assertThat(matrix.weights().get("b")).containsExactly(0.5f, 1, 1, 1, 1, 1);
    assertThat(matrix.chunks()).isEqualTo(7);
    assertThat(matrix.dataset()).contains("text");
  }

  @Test
  void filtersByName() {
    assertThat(read(legacy()).filter("b"::equals).weights()).containsOnlyKeys("b");
  }

  static Stream<Arguments> files() {
    byte[] sums = GgufTest.tensor("a.in_sum2", GgufTest.F32, 0, 2);
    return Stream.of(
        Arguments.of("empty file", new byte[0]),
        Arguments.of("for the number of entries of", Bytes.of(0)),
        Arguments.of("for the number of entries of", Bytes.of(-1)),
        Arguments.of("found 65537", Bytes.of(65_537)),
        Arguments.of("cut off", Bytes.of(1)),
        Arguments.of("found -1", Bytes.of(1, -1)),
        Arguments.of("found 65537", Bytes.of(1, 65_537, "a")),
        Arguments.of("found 1", Bytes.of(1, 2, "a")),
        Arguments.of("UTF-8", Bytes.of(1, 1, (byte) 0xFF)),
        Arguments.of("\\u{1b}", Bytes.of(1, 1, "\33", 1, 1, 1f)),
        Arguments.of("for the number of calls of", Bytes.of(1, entry("a", -1, 1))),
        Arguments.of("for the number of values of", Bytes.of(1, entry("a", 1))),
        Arguments.of("found 33554433", Bytes.of(1, 1, "a", 1, (1 << 25) + 1)),
        Arguments.of("134217728 more bytes", Bytes.of(1, 1, "a", 1, 1 << 25)),
        Arguments.of("found NaN", Bytes.of(1, entry("a", 1, 1, Float.NaN))),
        Arguments.of("found Infinity", Bytes.of(1, entry("a", 1, Float.POSITIVE_INFINITY))),
        Arguments.of("for the number of chunks of", Bytes.of(1, entry("a", 1, 1), -1)),
        Arguments.of("the name of the text", Bytes.of(1, entry("a", 1, 1), 1, 5, "text")),
        Arguments.of("imatrix.datasets", GgufTest.file(List.of(), List.of(), "")),
        Arguments.of("tensor a.in_sum2", gguf(List.of(sums), data(1, 2))),
        Arguments.of(
            "tensor a.in_sum2",
            gguf(
                List.of(sums, GgufTest.tensor("a.counts", GgufTest.F32, 32, 3)),
                data(1, 2),
                data(1, 1, 1))),
        Arguments.of(
            "tensor a.in_sum2",
            gguf(
                List.of(sums, GgufTest.tensor("a.counts", 1, 32, 2)), // halves
                data(1, 2),
                data(1))),
        Arguments.of(
            "found NaN",
            gguf(
                List.of(sums, GgufTest.tensor("a.counts", GgufTest.F32, 32, 1)),
                data(1, Float.NaN),
                data(1))));
  }

  @ParameterizedTest
  @MethodSource("files")
  void refuses(String found, byte[] bytes) {
    Path file = folder.resolve("imatrix");
    Refused.asBad(file, found, () -> read(bytes));
  }

  @Test
  void refusesWhatIsNoFile() {
    Refused.asBad(folder, "found a folder", () -> ImportanceMatrix.read(folder));
    Path missing = folder.resolve("missing");
    Refused.asBad(missing, "no such file", () -> ImportanceMatrix.read(missing));
  }

  @Test
  void refusesEveryCutOfGguf() {
    Path file = folder.resolve("imatrix");
    byte[] bytes = gguf();
    for (int length = 0; length < bytes.length - 32; length++) {
      byte[] cut = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> read(cut))
          .isInstanceOf(PhialException.BadInput.class)
          .hasMessageContaining(file.getFileName().toString());
    }
  }

  private ImportanceMatrix read(byte[] bytes) {
    return ImportanceMatrix.read(Refused.write(folder.resolve("imatrix"), bytes));
  }
}
