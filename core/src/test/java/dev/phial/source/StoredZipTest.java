package dev.phial.source;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class StoredZipTest {
  /** Headers at 0 and 37, data behind 33 bytes of each; directory at 74 and 123, its end at 172. */
  private static final byte[] TWO = TorchFile.zip("a/x", "1234", "a/y", "5678");

  private static final int FIRST = 74;
  private static final int SECOND = 123;
  private static final int END = 172;

  @TempDir Path folder;

  @Test
  void readsSlices() {
    assertThat(TWO).hasSize(END + 22);
    assertThat(read(TWO)).containsExactly(Map.entry("a/x", "1234"), Map.entry("a/y", "5678"));
    assertThat(read(TorchFile.zip())).isEmpty();
  }

  /** As torch.save writes what does not fit 32 bits, but with small numbers. */
  private static byte[] wide() {
    byte[] local =
        Bytes.of("PK\3\4", new byte[] {0, 0, 8, 8}, new byte[18], (short) 1, (short) 0, "x1234");
    byte[] extra = Bytes.of((short) 1, (short) 24, 4L, 4L, 0L);
    byte[] lengths = Bytes.of((short) 1, (short) extra.length, (short) 0);
    byte[] central =
        Bytes.of(
            Bytes.of("PK\1\2", new byte[] {0, 0, 0, 0, 8, 8}, new byte[10], -1, -1),
            Bytes.of(lengths, new byte[8], -1, "x", extra));
    long directory = local.length;
    long end = directory + central.length;
    return Bytes.of(
        Bytes.of(local, central),
        Bytes.of("PK\6\6", 44L, new byte[12], 1L, 1L, (long) central.length, directory),
        Bytes.of("PK\6\7", 0, end, 1),
        Bytes.of("PK\5\6", 0, -1, -1, -1, (short) 0));
  }

  @Test
  void reads64BitFields() {
    assertThat(read(wide())).containsExactly(Map.entry("x", "1234"));
  }

  static Stream<Arguments> wideRules() {
    int end = wide().length - 98;
    int locator = end + 56;
    return Stream.of(
        Arguments.of("its 18446744073709551615 bytes", end - 24, Bytes.of(-1L, -1L)),
        Arguments.of("found 4 and 5", end - 16, 5L),
        Arguments.of("found none", end - 8, Long.MAX_VALUE),
        Arguments.of("8 more bytes", end - 26, (short) 20),
        Arguments.of("part of one", end + 16, 1),
        Arguments.of("part of one", end + 24, 9L),
        Arguments.of("count of 18446744073709551615", end + 24, Bytes.of(-1L, -1L)),
        Arguments.of("found -1 bytes", end + 40, -1L),
        Arguments.of("from byte -1", end + 48, -1L),
        Arguments.of("part of one", locator + 4, 1),
        Arguments.of("found none at byte 1", locator + 8, 1L),
        Arguments.of("part of one", locator + 16, 2),
        Arguments.of("found 2 and 1", locator + 28, Bytes.of((short) 2, (short) 2)));
  }

  @ParameterizedTest
  @MethodSource("wideRules")
  void refusesWide(String found, int at, Object bytes) {
    refused(found, patch(wide(), at, Bytes.of(bytes)));
  }

  @Test
  void refusesEveryTruncation() {
    Refused.whereverCut(TWO, folder.resolve("cut.bin"), StoredZipTest::read);
  }

  static Stream<Arguments> rules() {
    return Stream.of(
        // of the end
        Arguments.of("end record", END, "PK\5\7"),
        Arguments.of("part of one", END + 4, (short) 1),
        Arguments.of("part of one", END + 8, (short) 1),
        Arguments.of("49 more bytes", END + 8, Bytes.of((short) 1, (short) 1)),
        Arguments.of("count of 3", END + 8, Bytes.of((short) 3, (short) 3)),
        Arguments.of("97 bytes", END + 12, 97),
        Arguments.of("from byte 73", END + 16, 73),
        Arguments.of("from byte 4294967295", END + 16, -1),
        Arguments.of("comment", END + 20, (short) 1),
        // of the directory
        Arguments.of("other bytes", SECOND, "PK\1\3"),
        Arguments.of("0x0001", FIRST + 8, (short) 1),
        Arguments.of("0x2000", FIRST + 8, (short) 0x2000),
        Arguments.of("compression method 8", FIRST + 10, (short) 8),
        Arguments.of("found 4 and 5", FIRST + 20, 5),
        Arguments.of("found 4096 and 4", FIRST + 24, 4096),
        Arguments.of("one of a/x, 4 bytes", FIRST + 20, Bytes.of(5, 5)),
        Arguments.of("more bytes", FIRST + 28, (short) 4000),
        Arguments.of("part of one", FIRST + 34, (short) 1),
        Arguments.of("header at byte 1,", FIRST + 42, 1),
        Arguments.of("header at byte 4294967295", FIRST + 42, -1),
        Arguments.of("header at byte 170", FIRST + 42, 170),
        Arguments.of("../", FIRST + 46, "../"),
        Arguments.of("..\\", FIRST + 46, "..\\"),
        Arguments.of("/ax", FIRST + 46, "/ax"),
        Arguments.of("\\u{1b}", FIRST + 46, "\33ax"),
        Arguments.of("UTF-8", FIRST + 46, new byte[] {-1}),
        // of a local header
        Arguments.of("found none", 0, "PK\3\5"),
        Arguments.of("flags 0x0002", 6, (short) 2),
        Arguments.of("method 8", 8, (short) 8),
        Arguments.of("0 bytes", 18, Bytes.of(0, 0)),
        Arguments.of("a/z", 37 + 30, "a/z"),
        Arguments.of("more bytes", 28, (short) 4000));
  }

  @ParameterizedTest
  @MethodSource("rules")
  void refuses(String found, int at, Object bytes) {
    refused(found, patch(TWO, at, Bytes.of(bytes)));
  }

  @Test
  void refusesDuplicates() {
    refused("found it again", TorchFile.zip("x", "1", "x", "2"));
  }

  @Test
  void refusesOverlaps() {
    byte[] inner = Bytes.of("PK\3\4", new byte[22], (short) 1, (short) 0, "y");
    byte[] archive = TorchFile.zip("x", inner, "y", "");
    int second = archive.length - 22 - 47;
    refused("inside another", patch(archive, second + 42, Bytes.of(31)));
  }

  private static byte[] patch(byte[] archive, int at, byte[] bytes) {
    byte[] patched = archive.clone();
    System.arraycopy(bytes, 0, patched, at, bytes.length);
    return patched;
  }

  private Map<String, String> read(byte[] archive) {
    return read(Refused.write(folder.resolve("model.bin"), archive));
  }

  private static Map<String, String> read(Path file) {
    try (Arena arena = Arena.ofConfined()) {
      Map<String, String> texts = new LinkedHashMap<>();
      StoredZip.read(file, MappedFile.map(file, arena))
          .forEach((name, data) ->
              texts.put(name, new String(data.toArray(ValueLayout.JAVA_BYTE), US_ASCII)));
      return texts;
    }
  }

  private void refused(String found, byte[] archive) {
    Path file = Refused.write(folder.resolve("model.bin"), archive);
    Refused.asBad(file, found, () -> read(file));
  }
}
