package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SafetensorsTest {
  private static final String TWO =
      """
      {"__metadata__":{"format":"pt"},
       "b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
       "a":{"dtype":"I8","shape":[2,1],"data_offsets":[8,10]}}\
      """;

  @TempDir Path folder;

  static byte[] file(String header, Object... data) {
    return Bytes.of((long) Bytes.of(header).length, header, Bytes.of(data));
  }

  @Test
  void readsTensorsInTheOrderOfTheirNames() {
    Path file = write(file(TWO, 1.5f, -2f, (byte) -3, (byte) 4));
    try (Arena arena = Arena.ofConfined()) {
      Map<String, Tensor> tensors = Safetensors.read(file, arena);
      assertThat(tensors.keySet()).containsExactly("a", "b");
      assertThat(Tensors.get(tensors, "b").encoding()).isEqualTo(DType.F32);
      assertThat(Tensors.get(tensors, "b").shape()).isEqualTo(Shape.of(2));
      assertThat(Tensors.values(tensors, "b")).containsExactly(1.5f, -2f);
      assertThat(Tensors.values(tensors, "a")).containsExactly(-3f, 4f);
    }
  }

  @Test
  void readsHeadersPaddedWithSpaces() {
    read(write(file(TWO + "      ", new byte[10])));
  }

  @Test
  void readsNoTensors() {
    read(write(file("{}")));
  }

  @Test
  void refusesEveryTruncation() {
    Refused.whereverCut(
        file(TWO, new byte[10]), folder.resolve("cut.safetensors"), SafetensorsTest::read);
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE - 8, 100_000_000, 9, 0, 1})
  void refusesHeaderLengths(long length) {
    refused("found " + Long.toUnsignedString(length), Bytes.of(length, "{}"));
  }

  /** {@code T} stands for a sound tensor of two bytes. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      textBlock =
          """
          []                                                          ! starts with {
          {"                                                          ! found an error
          {"t":T                                                      ! found an error
          {"t":T,"t":T}                                               ! Duplicate
          {"t":T}{}                                                   ! found more
          {"t":1}                                                     ! VALUE_NUMBER_INT
          {"t":{"dtype":"I8","shape":[2]}}                            ! found less
          {"t":{"dtype":"I8","data_offsets":[0,2]}}                   ! found less
          {"t":{"shape":[2],"data_offsets":[0,2]}}                    ! found dtype
          {"t":{"dtype":"I8","shape":[2],"data_offsets":[2]}}         ! found less
          {"t":{"dtype":"I8","shape":[2],"data_offsets":[0,1,2]}}     ! found more
          {"t":{"dtype":"I8","shape":[2],"data_offsets":[0,2],"x":1}} ! found x
          {"t":{"dtype":"I9","shape":[2],"data_offsets":[0,2]}}       ! found dtype I9
          {"t":{"dtype":8,"shape":[2],"data_offsets":[0,2]}}          ! VALUE_NUMBER_INT
          {"t":{"dtype":"I8","shape":2,"data_offsets":[0,2]}}         ! VALUE_NUMBER_INT
          {"t":{"dtype":"I8","shape":["2"],"data_offsets":[0,2]}}     ! VALUE_STRING
          {"t":{"dtype":"I8","shape":[2.0],"data_offsets":[0,2]}}     ! VALUE_NUMBER_FLOAT
          {"t":{"dtype":"I8","shape":[[2]],"data_offsets":[0,2]}}     ! START_ARRAY
          {"t":{"dtype":"I8","shape":[-2],"data_offsets":[0,2]}}      ! -2
          {"t":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}       ! shape [0]
          {"t":{"dtype":"I8","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,2]}} ! more
          {"t":{"dtype":"I8","shape":[9223372036854775808],"data_offsets":[0,2]}} ! out of range
          {"t":{"dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,2]}} ! more elements
          {"t":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,2]}} ! more elements
          {"t":{"dtype":"I8","shape":[3],"data_offsets":[0,2]}}       ! offsets 0 to 2
          {"t":{"dtype":"I8","shape":[2],"data_offsets":[2,0]}}       ! offsets 2 to 0
          {"t":{"dtype":"I8","shape":[2],"data_offsets":[-2,0]}}      ! -2
          {"t":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}}       ! found it at 1
          {"t":T,"u":T}                                               ! found it at 0
          {"t":T,"u":{"dtype":"I8","shape":[2],"data_offsets":[2,4]}} ! found 2
          {}                                                          ! found 2
          {"__metadata__":{"a":1},"t":T}                              ! VALUE_NUMBER_INT
          {"__metadata__":{"a":{}},"t":T}                             ! START_OBJECT
          {"__metadata__":{"a":"","a":""},"t":T}                      ! Duplicate
          {"__metadata__":[],"t":T}                                   ! START_ARRAY
          {"\\u001b[2J":T}                                            ! found \\u{1b}[2J
          {"\\u202e":T}                                               ! found \\u{202e}
          """)
  void refusesHeaders(String header, String found) {
    String sound =
        """
        {"dtype":"I8","shape":[2],"data_offsets":[0,2]}\
        """;
    refused(found, file(header.replace("T", sound), new byte[2]));
  }

  @Test
  void refusesBadUtf8() {
    refused("found an error", Bytes.of(7L, "{\"", (byte) 0xFF, "\":1}"));
    refused("found an error", Bytes.of(8L, "{\"", (byte) 0xC1, (byte) 0xA1, "\":1}")); // overlong
  }

  @Test
  void refusesUtf16() {
    refused("found an error", Bytes.of(4L, "{\0}\0"));
    refused("starts with {", Bytes.of(4L, "\0{\0}"));
  }

  @Test
  void refusesDeepNesting() {
    refused("START_ARRAY", file("{\"t\":" + "[".repeat(10_000)));
    refused("START_ARRAY", file("{\"__metadata__\":{\"a\":" + "[".repeat(10_000)));
  }

  @Test
  void refusesLongNames() {
    String name = "x".repeat(600);
    refused("xxx…", file("{\"" + name + "\":{}}"));
  }

  @Test
  void refusesWhatIsNoFile() {
    Path missing = folder.resolve("missing.safetensors");
    Refused.asBad(missing, "no such file", () -> read(missing));
    Refused.asBad(folder, "folder", () -> read(folder));
    Path endless = Path.of("/dev/zero"); // not on every system
    Refused.asBad(endless, Files.exists(endless) ? "device" : "no such", () -> read(endless));
    refused("empty", new byte[0]);
    refused("Git LFS", Bytes.of("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"));
  }

  private void refused(String found, byte[] bytes) {
    Path file = write(bytes);
    Refused.asBad(file, found, () -> read(file));
  }

  private Path write(byte[] bytes) {
    return Refused.write(folder.resolve("model.safetensors"), bytes);
  }

  private static void read(Path file) {
    Refused.in(Safetensors::read).accept(file);
  }
}
