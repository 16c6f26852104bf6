package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.tensor.Shape;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class GgufTest {
  static final int F32 = 0;
  private static final int Q8_0 = 8;
  private static final int BF16 = 30;

  @TempDir Path folder;

  /** The header of a file, which its metadata and tensor table must follow. */
  private static byte[] start(long tensors, long keys) {
    return Bytes.of("GGUF", 3, tensors, keys);
  }

  static byte[] text(String text) {
    return Bytes.of((long) text.getBytes(StandardCharsets.UTF_8).length, text);
  }

  static byte[] pair(String key, GgufType type, Object... value) {
    return Bytes.of(text(key), type.id(), Bytes.of(value));
  }

  /**
   * @param dimensions innermost first
   */
  static byte[] tensor(String name, int type, long offset, long... dimensions) {
    List<Object> parts = new ArrayList<>(List.of(text(name), dimensions.length));
    for (long dimension : dimensions) {
      parts.add(dimension);
    }
    parts.addAll(List.of(type, offset));
    return Bytes.of(parts.toArray());
  }

  /** A file of metadata and tensors, padded to where its data starts. */
  static byte[] file(List<byte[]> metadata, List<byte[]> tensors, Object... data) {
    byte[] header =
        Bytes.of(
            start(tensors.size(), metadata.size()),
            Bytes.of(metadata.toArray()),
            Bytes.of(tensors.toArray()));
    int padding = (int) Gguf.pad(header.length, 32) - header.length;
    return Bytes.of(header, new byte[padding], Bytes.of(data));
  }

  private static byte[] everyType() {
    return file(
        List.of(
            pair("u8", GgufType.UINT8, (byte) -1),
            pair("i8", GgufType.INT8, (byte) -1),
            pair("u16", GgufType.UINT16, (short) -1),
            pair("i16", GgufType.INT16, (short) -1),
            pair("u32", GgufType.UINT32, -1),
            pair("i32", GgufType.INT32, -1),
            pair("f32", GgufType.FLOAT32, 0.1f),
            pair("bool", GgufType.BOOL, (byte) 1),
            pair("text", GgufType.STRING, text("φ")),
            pair("texts", GgufType.ARRAY, GgufType.STRING.id(), 2L, text(""), text("a")),
            pair("numbers", GgufType.ARRAY, GgufType.INT16.id(), 2L, 7),
            pair("u64", GgufType.UINT64, -1L),
            pair("i64", GgufType.INT64, -1L),
            pair("f64", GgufType.FLOAT64, Double.doubleToLongBits(0.1))),
        List.of(tensor("a", F32, 0, 2, 3), tensor("b", Q8_0, 32, 32)),
        1f,
        2f,
        3f,
        4f,
        5f,
        6f,
        0L,
        (short) 0x3c00, // one as a half float
        (byte) -5,
        new byte[31]);
  }

  @Test
  void readsEveryTypeOfMetadata() {
    try (Gguf gguf = Gguf.open(write(everyType()))) {
      assertThat(gguf.metadata().keySet()).startsWith("u8", "i8").hasSize(14);
      assertThat(gguf.metadata().values().stream().map(GgufValue::toString))
          .containsExactly(
              "255",
              "-1",
              "65535",
              "-1",
              "4294967295",
              "-1",
              "0.1",
              "true",
              "φ",
              "[2 strings]",
              "[2 INT16]",
              "18446744073709551615",
              "-1",
              "0.1");
      assertThat(gguf.text("text")).hasValue("φ");
      assertThat(gguf.text("u8")).isEmpty();
      assertThat(gguf.whole("u32")).hasValue(4294967295L);
      assertThat(gguf.whole("missing")).isEmpty();
    }
  }

  @Test
  void readsTensorsInTheOrderOfTheFile() {
    try (Gguf gguf = Gguf.open(write(everyType()))) {
      assertThat(gguf.tensors().keySet()).containsExactly("a", "b");
      assertThat(Tensors.get(gguf.tensors(), "a").shape()).isEqualTo(Shape.of(3, 2));
      assertThat(Tensors.values(gguf.tensors(), "a")).containsExactly(1, 2, 3, 4, 5, 6);
      assertThat(Tensors.values(gguf.tensors(), "b")).startsWith(-5f, 0f).hasSize(32);
    }
  }

  @Test
  void readsAnotherAlignmentAndAnUnpaddedEnd() {
    byte[] header =
        Bytes.of(
            start(2, 1),
            pair("general.alignment", GgufType.UINT32, 1),
            tensor("a", BF16, 0, 1),
            tensor("b", BF16, 2, 1));
    Path file = write(Bytes.of(header, (short) 0x3f80, (short) 0x4000));
    try (Gguf gguf = Gguf.open(file)) {
      assertThat(Tensors.values(gguf.tensors(), "a")).containsExactly(1);
      assertThat(Tensors.values(gguf.tensors(), "b")).containsExactly(2);
    }
  }

  @Test
  void refusesEveryTruncation() {
    Refused.whereverCut(everyType(), folder.resolve("cut.gguf"), f -> Gguf.open(f).close());
  }

  static Stream<Arguments> rules() {
    List<byte[]> none = List.of();
    return Stream.of(
        Arguments.of("0x46464747", Bytes.of("GGFF", 3, 0L, 0L)),
        Arguments.of("found 1", Bytes.of("GGUF", 1, 0L, 0L)),
        Arguments.of("found 4", Bytes.of("GGUF", 4, 0L, 0L)),
        Arguments.of("big-endian", Bytes.of("GGUF", 3 << 24, 0L, 0L)),
        // counts
        Arguments.of("18446744073709551615", start(-1, 0)),
        Arguments.of("found a count of 1;", start(1, 0)),
        Arguments.of("found a count of 70000;", Bytes.of(start(70_000, 0), new byte[3_000_000])),
        Arguments.of("found a count of 1;", start(0, 1)),
        Arguments.of("9223372036854775807", start(0, Long.MAX_VALUE)),
        Arguments.of(
            "found a count of 1152921504606846976",
            file(List.of(pair("k", GgufType.ARRAY, GgufType.STRING.id(), 1L << 60)), none)),
        Arguments.of(
            "found a count of 2305843009213693952",
            file(List.of(pair("k", GgufType.ARRAY, GgufType.INT64.id(), 1L << 61)), none)),
        Arguments.of(
            "found a count of 1100000",
            file(
                List.of(pair("k", GgufType.ARRAY, GgufType.STRING.id(), 1_100_000L)),
                none,
                new byte[9_000_000])),
        // metadata
        Arguments.of(
            "found it again",
            file(
                List.of(pair("k", GgufType.UINT8, (byte) 0), pair("k", GgufType.UINT8, (byte) 0)),
                none)),
        Arguments.of("found 13", Bytes.of(start(0, 1), text("k"), 13, new byte[32])),
        Arguments.of("found -1", Bytes.of(start(0, 1), text("k"), -1, new byte[32])),
        Arguments.of(
            "array of arrays",
            file(List.of(pair("k", GgufType.ARRAY, GgufType.ARRAY.id(), 1L, 1L)), none)),
        Arguments.of(
            "length of 9223372036854775807",
            file(List.of(pair("k", GgufType.STRING, Long.MAX_VALUE)), none)),
        Arguments.of(
            "length of 18446744073709551615", file(List.of(pair("k", GgufType.STRING, -1L)), none)),
        Arguments.of("length of 1000", file(List.of(pair("k", GgufType.STRING, 1000L)), none)),
        Arguments.of("UTF-8", file(List.of(pair("k", GgufType.STRING, 1L, (byte) 0xFF)), none)),
        Arguments.of("\\u{7}", file(List.of(pair("\7", GgufType.UINT8, (byte) 0)), none)),
        Arguments.of("found 0", file(List.of(pair("general.alignment", GgufType.UINT32, 0)), none)),
        Arguments.of("found 3", file(List.of(pair("general.alignment", GgufType.UINT32, 3)), none)),
        Arguments.of(
            "found 4294967296",
            file(List.of(pair("general.alignment", GgufType.UINT64, 1L << 32)), none)),
        Arguments.of(
            "found 32x",
            file(List.of(pair("general.alignment", GgufType.STRING, text("32x"))), none)),
        // tensors
        Arguments.of("found 0", file(none, List.of(tensor("t", F32, 0)), new byte[32])),
        Arguments.of("found 5", file(none, List.of(tensor("t", F32, 0, 1, 1, 1, 1, 1)))),
        Arguments.of("found 0", file(none, List.of(tensor("t", F32, 0, 0)))),
        Arguments.of("found -1", file(none, List.of(tensor("t", F32, 0, -1)))),
        Arguments.of("more elements", file(none, List.of(tensor("t", F32, 0, 1L << 32, 1L << 32)))),
        Arguments.of("more elements", file(none, List.of(tensor("t", F32, 0, 1L << 61)))),
        Arguments.of("type number 99", file(none, List.of(tensor("t", 99, 0, 1)), 0f)),
        Arguments.of("type number 4", file(none, List.of(tensor("t", 4, 0, 32)), 0f)),
        Arguments.of("blocks of 32", file(none, List.of(tensor("t", Q8_0, 0, 33)))),
        Arguments.of("found it at 4", file(none, List.of(tensor("t", F32, 4, 1)), 0f, 0f)),
        Arguments.of(
            "found it at 18446744073709551584", file(none, List.of(tensor("t", F32, -32, 1)), 0f)),
        Arguments.of(
            "found it at 0",
            file(none, List.of(tensor("t", F32, 0, 1), tensor("u", F32, 0, 1)), 0f)),
        Arguments.of(
            "found it at 64",
            file(none, List.of(tensor("t", F32, 0, 1), tensor("u", F32, 64, 1)), new byte[99])),
        Arguments.of("found only 4", file(none, List.of(tensor("t", F32, 0, 2)), 0f)),
        Arguments.of(
            "found it again",
            file(none, List.of(tensor("t", F32, 0, 1), tensor("t", F32, 32, 1)), new byte[64])),
        Arguments.of("\\u{1b}", file(none, List.of(tensor("\33c", F32, 0, 1)), 0f)));
  }

  @ParameterizedTest
  @MethodSource("rules")
  void refuses(String found, byte[] bytes) {
    Path file = write(bytes);
    Refused.asBad(file, found, () -> Gguf.open(file).close());
  }

  /** A file of {@code splits} that holds one tensor. */
  private Path split(int number, int count, int numberInside, String tensor) {
    return Refused.write(
        folder.resolve("model-%05d-of-%05d.gguf".formatted(number, count)),
        file(
            List.of(
                pair("split.no", GgufType.UINT16, (short) numberInside),
                pair("split.count", GgufType.UINT16, (short) count)),
            List.of(tensor(tensor, F32, 0, 1)),
            (float) number));
  }

  @Test
  void readsAllFilesOfASplitOne() {
    List<Path> files = IntStream.range(0, 3).mapToObj(i -> split(i + 1, 3, i, "t" + i)).toList();
    try (Gguf gguf = Gguf.open(files.getFirst())) {
      assertThat(gguf.files()).isEqualTo(files);
      assertThat(gguf.tensors().keySet()).containsExactly("t0", "t1", "t2");
      assertThat(Tensors.values(gguf.tensors(), "t2")).containsExactly(3);
    }
    Refused.asBad(files.get(1), "pass that one", () -> Gguf.open(files.get(1)).close());
  }

  @Test
  void refusesSplitsThatDoNotFit() throws Exception {
    Path first = split(1, 2, 0, "t");
    Path second = folder.resolve("model-00002-of-00002.gguf");
    Refused.asBad(second, "no such file", () -> Gguf.open(first).close());
    split(2, 2, 0, "u");
    Refused.asBad(second, "found file 1 of 2", () -> Gguf.open(first).close());
    split(2, 2, 1, "t");
    Refused.asBad(second, "found it again", () -> Gguf.open(first).close());
    Refused.write(second, file(List.of(), List.of()));
    Refused.asBad(second, "found file 1 of 1", () -> Gguf.open(first).close());
    Path renamed = Refused.write(folder.resolve("model.gguf"), Files.readAllBytes(first));
    Refused.asBad(renamed, "expected the first of 2", () -> Gguf.open(renamed).close());
  }

  private Path write(byte[] bytes) {
    return Refused.write(folder.resolve("model.gguf"), bytes);
  }
}
