package dev.phial.source;

import static dev.phial.source.TorchFile.checkpoint;
import static dev.phial.source.TorchFile.dictionary;
import static dev.phial.source.TorchFile.global;
import static dev.phial.source.TorchFile.number;
import static dev.phial.source.TorchFile.pickle;
import static dev.phial.source.TorchFile.storage;
import static dev.phial.source.TorchFile.tensor;
import static dev.phial.source.TorchFile.text;
import static dev.phial.source.TorchFile.tuple;
import static dev.phial.source.TorchFile.zip;
import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class TorchPickleTest {
  private static final byte[] SOUND = dictionary("t", tensor(0, new int[] {2, 3}, 3, 1));

  @TempDir Path folder;

  @Test
  void readsWhatItsTestsWrite() {
    read(
        checkpoint(pickle(SOUND)),
        tensors -> assertThat(Tensors.values(tensors, "t")).containsExactly(1, 2, 3, 4, 5, 6));
    read(
        checkpoint(pickle(dictionary("t", tensor(2, new int[] {2, 1}, 1, 7)))),
        tensors -> assertThat(Tensors.values(tensors, "t")).containsExactly(3, 4));
    read(checkpoint(pickle("}")), tensors -> assertThat(tensors).isEmpty());
  }

  @Test
  void readsEveryTypeOfPyTorch() {
    read(
        torch("types.bin"),
        tensors -> {
          List<DType> types =
              List.of(
                  DType.F64,
                  DType.F32,
                  DType.F16,
                  DType.BF16,
                  DType.F8_E4M3,
                  DType.F8_E5M2,
                  DType.I64,
                  DType.I32,
                  DType.I16,
                  DType.I8,
                  DType.U64,
                  DType.U32,
                  DType.U16,
                  DType.U8,
                  DType.BOOL);
          assertThat(tensors.values().stream().map(Tensor::encoding)).isEqualTo(types);
          tensors.forEach((name, tensor) -> {
            assertThat(tensor.shape()).isEqualTo(Shape.of(2, 3));
            assertThat(Tensors.values(tensors, name))
                .as(name)
                .containsExactly(
                    name.equals("bool")
                        ? new float[] {0, 1, 0, 1, 0, 1}
                        : new float[] {0, 1, 2, 3, 4, 5});
          });
        });
  }

  @Test
  void readsViewsAndTiedTensorsWithoutCopying() {
    read(
        torch("views.bin"),
        tensors -> {
          assertThat(tensors.keySet())
              .containsExactly(
                  "whole", "tied", "rows", "row", "cube", "scalar", "parameter", "column");
          assertThat(Tensors.values(tensors, "whole")).hasSize(24).startsWith(0, 1, 2);
          assertThat(Tensors.get(tensors, "tied").data().address())
              .isEqualTo(Tensors.get(tensors, "whole").data().address());
          assertThat(Tensors.values(tensors, "rows")).hasSize(12).startsWith(6, 7, 8);
          assertThat(Tensors.values(tensors, "row")).containsExactly(12, 13, 14, 15, 16, 17);
          assertThat(Tensors.get(tensors, "cube").shape()).isEqualTo(Shape.of(2, 2, 6));
          assertThat(Tensors.get(tensors, "scalar").shape()).isEqualTo(Shape.of());
          assertThat(Tensors.values(tensors, "scalar")).containsExactly(3.5f);
          assertThat(Tensors.values(tensors, "parameter")).containsExactly(0, 1, 2, 3);
          assertThat(Tensors.get(tensors, "column").shape()).isEqualTo(Shape.of(1, 3));
        });
  }

  @ParameterizedTest
  @CsvSource({"protocol4.bin, a", "state_dict.bin, weight bias", "attributes.bin, a"})
  void readsOtherWaysToWriteADictionary(String file, String names) {
    read(torch(file), tensors -> assertThat(tensors.keySet()).containsExactly(names.split(" ")));
  }

  @ParameterizedTest
  @CsvSource({
    "legacy.bin, older",
    "transposed.bin, 'tensor bad: expected its rows one after the other, found shape [6, 4] with'",
    "expanded.bin, 'strides [0, 1]'",
    "negated.bin, tensor bad",
    "complex.bin, torch.ComplexFloatStorage",
    "module.bin, torch.nn.modules.linear.Linear",
    "training.bin, a dictionary under the name state_dict",
    "list.bin, a list"
  })
  void refusesWhatPyTorchAlsoWrites(String file, String found) {
    Path path = write(torch(file));
    Refused.asUnsupported(path, found, () -> read(path));
  }

  @Test
  void refusesTensorsWithoutElements() {
    refused("shape [3, 0]", torch("empty.bin"));
  }

  @Test
  void refusesEveryTruncation() {
    Path cut = folder.resolve("cut.bin");
    Refused.whereverCut(checkpoint(pickle(SOUND)), cut, TorchPickleTest::read);
    Refused.whereverCut(torch("state_dict.bin"), cut, TorchPickleTest::read);
  }

  @Test
  void refusesEveryTruncationOfThePickle() {
    byte[] pickle = pickle(SOUND);
    for (int length = 0; length < pickle.length; length++) {
      byte[] cut = Arrays.copyOf(pickle, length);
      Path file = write(checkpoint(cut));
      Refused.asBad(file, "found", () -> read(file));
    }
  }

  /** Names that would run something, spelled in every way a pickle can. */
  static Stream<Arguments> calls() {
    return Stream.of(
        Arguments.of("os.system", pickle(global("os", "system"), "(", text("true"), "tR")),
        Arguments.of("posix.system", pickle(global("posix", "system"), ")R")),
        Arguments.of("builtins.eval", pickle(text("builtins"), text("eval"), (byte) 0x93)),
        Arguments.of("builtins.exec", pickle("(", "ibuiltins\nexec\n")),
        Arguments.of("torch.load", pickle(SOUND, global("torch", "load"))),
        Arguments.of(
            "collections.OrderedDict.__init__",
            pickle(global("collections", "OrderedDict.__init__"))),
        Arguments.of("found opcode 0x6f", pickle("(", global("collections", "OrderedDict"), "o")),
        Arguments.of("0x81", pickle(global("collections", "OrderedDict"), ")", (byte) 0x81)),
        Arguments.of("0x92", pickle(global("collections", "OrderedDict"), ")}", (byte) 0x92)),
        Arguments.of("0x82", pickle((byte) 0x82, (byte) 1)),
        Arguments.of("0x50", pickle("P1\n")),
        Arguments.of("0x98", pickle((byte) 0x98)),
        Arguments.of("evil\\u{1b}[2J.x", pickle(global("evil\33[2J", "x"))));
  }

  @ParameterizedTest
  @MethodSource("calls")
  void refusesToRun(String name, byte[] pickle) {
    Path file = write(checkpoint(pickle));
    Refused.asUnsupported(file, name, () -> read(file));
    Refused.asUnsupported(file, "Phial never runs what a pickle asks for", () -> read(file));
  }

  static Stream<Arguments> pickles() {
    byte[] ordered = global("collections", "OrderedDict");
    byte[] rebuild = global("torch._utils", "_rebuild_tensor_v2");
    byte[] sixBytes = storage("CharStorage", "0", 6);
    int[] shape = {2, 3};
    return Stream.of(
        // the machine
        Arguments.of("older one", Bytes.of("}.")),
        Arguments.of("found 1", Bytes.of((byte) 0x80, (byte) 1, "}.")),
        Arguments.of("found 6", Bytes.of((byte) 0x80, (byte) 6, "}.")),
        Arguments.of("found 0 left over and 1 more", Bytes.of(pickle("}"), ".")),
        Arguments.of("found 1 left over", pickle("}}")),
        Arguments.of("found none", pickle()),
        Arguments.of("found 0 left over", pickle("(}")),
        Arguments.of("no memo 7", pickle("h", (byte) 7)),
        Arguments.of("no memo 4294967295", pickle("j", -1)),
        Arguments.of("expected a mark", pickle("t")),
        Arguments.of("stack", pickle("}(s")),
        Arguments.of("stack", pickle((byte) 0x86)),
        Arguments.of("stack", pickle("b")),
        Arguments.of("a dictionary", pickle("}Na")),
        Arguments.of("nothing", pickle("N(NNu")),
        Arguments.of("a dictionary", pickle("}(Nu")),
        Arguments.of("a tuple", pickle("})Ns")),
        Arguments.of("key t: ", pickle("}(", text("t"), "N", text("t"), "Nu")),
        Arguments.of("found 2147483647", pickle("X", Integer.MAX_VALUE)),
        Arguments.of("found 4294967295", pickle("X", -1)),
        Arguments.of("found 9223372036854775807", pickle((byte) 0x8d, Long.MAX_VALUE)),
        Arguments.of("found 18446744073709551615", pickle((byte) 0x8d, -1L)),
        Arguments.of("UTF-8", pickle((byte) 0x8c, (byte) 1, (byte) 0xFF)),
        Arguments.of("one of 200", pickle((byte) 0x8a, (byte) 200)),
        Arguments.of("and more", pickle("c", "x".repeat(1000), "\nx\n")),
        Arguments.of("a whole number", pickle(number(1), text("x"), (byte) 0x93)),
        Arguments.of("more bytes for a name", pickle("cos")),
        // calls
        Arguments.of("a dictionary", pickle("})R")),
        Arguments.of("a list", pickle(ordered, "]R")),
        Arguments.of("found 1", pickle(ordered, "(NtR")),
        Arguments.of("found 0", pickle(rebuild, ")R")),
        Arguments.of("found 9", pickle(rebuild, "(NNNNNNNNNtR")),
        Arguments.of("Storage as argument 0", pickle(rebuild, "(NNNNNNtR")),
        Arguments.of("Tuple as argument 2", pickle(rebuild, "(", sixBytes, "NNNNNtR")),
        Arguments.of("nothing", pickle(rebuild, "(", sixBytes, number(0), "(Nt)NNtR")),
        Arguments.of("Whole as argument 1", pickle(rebuild, "(", sixBytes, "N))NNtR")),
        Arguments.of(
            "found [1]", pickle(rebuild, "(", sixBytes, "N", tuple(2, 3), tuple(1), "NNtR")),
        Arguments.of(
            "View as argument 0", pickle(global("torch._utils", "_rebuild_parameter"), "(NNNtR")),
        Arguments.of("found nothing for a dictionary", pickle("}Nb")),
        Arguments.of("found a dictionary for a list", pickle("]}b")),
        // storages
        Arguments.of("found nothing", pickle("NQ")),
        Arguments.of("found a tuple", pickle(")Q")),
        Arguments.of("a/data/1", pickle(storage("CharStorage", "1", 6))),
        Arguments.of("a/data/../data.pkl", pickle(storage("CharStorage", "../data.pkl", 6))),
        Arguments.of("found 6 bytes", pickle(storage("CharStorage", "0", 5))),
        Arguments.of("found 6 bytes", pickle(storage("FloatStorage", "0", 1))),
        Arguments.of("found 6 bytes", pickle(storage("CharStorage", "0", -1))),
        // tensors
        Arguments.of("found a whole number", pickle("}", number(1), tensor(0, shape, 3, 1), "s")),
        Arguments.of("\\u{1b}", pickle(dictionary("\33[2J", tensor(0, shape, 3, 1)))),
        Arguments.of("found only 6", pickle(dictionary("t", tensor(0, new int[] {7}, 1)))),
        Arguments.of("found only 6", pickle(dictionary("t", tensor(1, shape, 3, 1)))),
        Arguments.of("found only 6", pickle(dictionary("t", tensor(-1, shape, 3, 1)))),
        Arguments.of("shape [-6]", pickle(dictionary("t", tensor(0, new int[] {-6}, 1)))),
        Arguments.of("shape [0]", pickle(dictionary("t", tensor(0, new int[] {0}, 1)))),
        Arguments.of(
            "shape [1, 1, 1, 1, 1, 1, 1, 1, 1]",
            pickle(dictionary("t", tensor(0, new int[] {1, 1, 1, 1, 1, 1, 1, 1, 1}, new int[9])))),
        Arguments.of(
            "more elements",
            pickle(dictionary("t", tensor(0, new int[] {1 << 30, 1 << 30, 8}, 0, 8, 1)))));
  }

  @ParameterizedTest
  @MethodSource("pickles")
  void refusesPickles(String found, byte[] pickle) {
    refused(found, checkpoint(pickle));
  }

  static Stream<Arguments> archives() {
    byte[] sound = pickle(SOUND);
    return Stream.of(
        Arguments.of("end record", Bytes.of("<html>not found</html>")),
        Arguments.of("data.pkl in a folder, found 0", zip("a/version", "3")),
        Arguments.of("data.pkl in a folder, found 0", zip("data.pkl", sound)),
        Arguments.of("found 2", zip("a/data.pkl", sound, "b/data.pkl", sound)),
        Arguments.of("found b/data/0", zip("a/data.pkl", sound, "b/data/0", "123456")),
        Arguments.of("a/data/0", zip("a/data.pkl", sound)),
        Arguments.of("found ../a/data.pkl", zip("../a/data.pkl", sound)),
        Arguments.of("expected 1 more bytes", zip("a/data.pkl", "")));
  }

  @ParameterizedTest
  @MethodSource("archives")
  void refusesArchives(String found, byte[] archive) {
    refused(found, archive);
  }

  @Test
  void refusesBigEndianFiles() {
    Path file = write(zip("a/data.pkl", pickle("}"), "a/byteorder", "big"));
    Refused.asUnsupported(file, "found big", () -> read(file));
  }

  @Test
  void refusesTooMuch() {
    refused("opcodes", checkpoint(pickle("N".repeat(2_000_000))));
    refused("opcodes", checkpoint(pickle("}".repeat(2_000_000))));
    refused("opcodes", checkpoint(pickle("(".repeat(2_000_000))));
    refused("pickle of at most", checkpoint(new byte[70_000_000]));
  }

  @Test
  void refusesLongShapesInFewWords() {
    int[] ones = new int[100_000];
    Arrays.fill(ones, 1);
    refused("1, 1…", checkpoint(pickle(dictionary("t", tensor(0, ones, ones)))));
    refused("0, 0…", checkpoint(pickle(dictionary("t", tensor(0, ones, new int[1000])))));
  }

  /** A dictionary that holds itself, and tuples that double: both are never walked. */
  @Test
  void refusesKnots() {
    Path file = write(checkpoint(pickle("}q", (byte) 0, text("t"), "h", (byte) 0, "s")));
    Refused.asUnsupported(file, "a dictionary under the name t", () -> read(file));
    byte[] doubled = Bytes.of("q\0h\0", (byte) 0x86);
    byte[] knot = Bytes.of(")", Bytes.of(Collections.nCopies(100, doubled).toArray()));
    Path bomb = write(checkpoint(pickle("}", text("t"), knot, "s")));
    Refused.asUnsupported(bomb, "a tuple under the name t", () -> read(bomb));
  }

  /** The same weights in two containers, if the repository's fixtures are here. */
  @Test
  void readsTheSameTensorsAsSafetensors() {
    Path fixtures = Path.of("../fixtures/models");
    Assumptions.assumeTrue(Files.isDirectory(fixtures));
    try (Checkpoint torch = Sources.open(fixtures.resolve("phi3-mini-4k-torch"));
        Checkpoint safetensors = Sources.open(fixtures.resolve("phi3-card"))) {
      assertThat(torch.tensors().keySet())
          .containsExactlyInAnyOrderElementsOf(safetensors.tensors().keySet());
      torch
          .tensors()
          .forEach((name, tensor) -> {
            Tensor expected = Tensors.get(safetensors.tensors(), name);
            assertThat(tensor.encoding())
                .as(name)
                .isEqualTo(DType.BF16)
                .isEqualTo(expected.encoding());
            assertThat(tensor.shape()).as(name).isEqualTo(expected.shape());
            assertThat(tensor.data().mismatch(expected.data())).as(name).isEqualTo(-1);
          });
    }
  }

  private static byte[] torch(String name) {
    try (InputStream in = TorchPickleTest.class.getResourceAsStream("torch/" + name)) {
      return Objects.requireNonNull(in).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void read(byte[] bytes, Consumer<Map<String, Tensor>> check) {
    try (Arena arena = Arena.ofConfined()) {
      check.accept(TorchPickle.read(write(bytes), arena));
    }
  }

  private static void read(Path file) {
    Refused.in(TorchPickle::read).accept(file);
  }

  private void refused(String found, byte[] bytes) {
    Path file = write(bytes);
    Refused.asBad(file, found, () -> read(file));
  }

  private Path write(byte[] bytes) {
    return Refused.write(folder.resolve("pytorch_model.bin"), bytes);
  }
}
