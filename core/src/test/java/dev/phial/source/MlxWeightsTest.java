package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.quant.FloatType;
import dev.phial.quant.MlxFormat;
import dev.phial.quant.MlxFormats;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class MlxWeightsTest {
  private static final MlxFormat FOUR_BITS =
      MlxFormats.of("affine", 4, 32, FloatType.F32).orElseThrow();
  private static final String FOUR_BITS_JSON = "{\"group_size\":32,\"bits\":4,\"mode\":\"affine\"}";

  @TempDir Path folder;

  /** An array of the file. */
  record Part(String name, DType dtype, Shape shape, byte[] data) {}

  private static float[] numbers(int count) {
    Random random = new Random(3);
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static byte[] encode(MlxFormat format, float[] x) {
    byte[] blocks = new byte[(int) format.bytes(x.length)];
    format.encode(x, 1, x.length, null, blocks, 0);
    return blocks;
  }

  private static float[] decode(MlxFormat format, byte[] blocks) {
    float[] x = new float[blocks.length / format.blockBytes() * format.blockSize()];
    format.decode(MemorySegment.ofArray(blocks), 0, x, 0, x.length);
    return x;
  }

  /** The arrays of a quantized matrix {@code X}. */
  private static List<Part> parts(MlxFormat format, byte[] blocks, long... rows) {
    List<Part> parts = new ArrayList<>();
    int start = 0;
    for (MlxFormat.Plane plane : format.planes()) {
      ByteArrayOutputStream data = new ByteArrayOutputStream();
      for (int at = start; at < blocks.length; at += format.blockBytes()) {
        data.write(blocks, at, plane.bytes());
      }
      start += plane.bytes();
      long elements = data.size() / plane.dtype().blockBytes();
      long[] shape = Arrays.copyOf(rows, rows.length + 1);
      shape[rows.length] = elements / Arrays.stream(rows).reduce(1, (a, b) -> a * b);
      parts.add(new Part("x" + plane.suffix(), plane.dtype(), Shape.of(shape), data.toByteArray()));
    }
    return parts;
  }

  private Path model(String quantization, List<Part> parts) {
    Refused.write(folder.resolve("config.json"), "{\"quantization\":%s}".formatted(quantization));
    List<Object> data = new ArrayList<>();
    List<String> header = new ArrayList<>();
    int at = 0;
    for (Part part : parts) {
      header.add(
          "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(part.name, part.dtype, part.shape, at, at + part.data.length));
      data.add(part.data);
      at += part.data.length;
    }
    Refused.write(
        folder.resolve("model.safetensors"),
        SafetensorsTest.file(
            header.stream().collect(Collectors.joining(",", "{", "}")), data.toArray()));
    return folder;
  }

  private void read(String quantization, List<Part> parts, Consumer<Map<String, Tensor>> check) {
    try (Checkpoint model = Sources.open(model(quantization, parts))) {
      assertThat(model.kind()).isEqualTo("mlx");
      check.accept(model.tensors());
    }
  }

  private static String json(MlxFormat format) {
    return "{\"group_size\":%d,\"bits\":%d,\"mode\":\"%s\"}"
        .formatted(format.blockSize(), format.bits(), format.mode());
  }

  static List<MlxFormat> formats() {
    return MlxFormats.ALL;
  }

  @ParameterizedTest
  @MethodSource("formats")
  void readsEveryType(MlxFormat format) {
    byte[] blocks = encode(format, numbers(2 * 128));
    read(
        json(format),
        parts(format, blocks, 2),
        tensors -> {
          assertThat(tensors.keySet()).containsExactly("x.weight");
          assertThat(Tensors.get(tensors, "x.weight").shape()).isEqualTo(Shape.of(2, 128));
          assertThat(Tensors.get(tensors, "x.weight").encoding().name()).isEqualTo(format.name());
          assertThat(Tensors.values(tensors, "x.weight")).isEqualTo(decode(format, blocks));
        });
  }

  @Test
  void slicesKeepTheirScales() {
    byte[] blocks = encode(FOUR_BITS, numbers(2 * 3 * 32));
    float[] all = decode(FOUR_BITS, blocks);
    read(
        FOUR_BITS_JSON,
        parts(FOUR_BITS, blocks, 2, 3),
        tensors -> {
          Tensor stack = Tensors.get(tensors, "x.weight");
          assertThat(stack.shape()).isEqualTo(Shape.of(2, 3, 32));
          float[] values = new float[2 * 32];
          stack.slice("s", 3, 3).slice("t", 1, 2).read(0, 2, values, 0);
          assertThat(values).isEqualTo(Arrays.copyOfRange(all, 4 * 32, 6 * 32));
        });
  }

  /** Of a mixture, whose group size is null where it is the usual one. */
  @Test
  void aLayerMayHaveATypeOfItsOwn() {
    MlxFormat own = MlxFormats.of("affine", 6, 64, FloatType.BF16).orElseThrow();
    byte[] blocks = encode(own, numbers(128));
    read(
        "{\"group_size\":32,\"bits\":4,\"x\":{\"group_size\":null,\"bits\":6,\"mode\":\"affine\"}}",
        parts(own, blocks, 1),
        tensors -> assertThat(Tensors.values(tensors, "x.weight")).isEqualTo(decode(own, blocks)));
  }

  @Test
  void leavesTheRestAlone() {
    List<Part> parts = new ArrayList<>(parts(FOUR_BITS, encode(FOUR_BITS, numbers(32)), 1));
    parts.add(new Part("norm.weight", DType.F32, Shape.of(1), new byte[4]));
    parts.add(new Part("y.biases", DType.F32, Shape.of(1), new byte[4]));
    read(
        FOUR_BITS_JSON,
        parts,
        tensors ->
            assertThat(tensors.keySet())
                .containsExactlyInAnyOrder("norm.weight", "x.weight", "y.biases"));
  }

  static Stream<Arguments> misfits() {
    List<Part> good = parts(FOUR_BITS, encode(FOUR_BITS, numbers(64)), 1);
    Part codes = good.get(0);
    Part scales = good.get(1);
    Part biases = good.get(2);
    return Stream.of(
        Arguments.of("found none", List.of(scales, biases)),
        Arguments.of("and none", List.of(codes, scales)),
        Arguments.of(
            "found U8 and F32",
            List.of(codes, new Part("x.scales", DType.U8, Shape.of(1, 2), new byte[2]), biases)),
        Arguments.of(
            "F32 and BF16",
            List.of(codes, scales, new Part("x.biases", DType.BF16, Shape.of(1, 2), new byte[4]))),
        Arguments.of(
            "F32 [2, 1]",
            List.of(codes, scales, new Part("x.biases", DType.F32, Shape.of(2, 1), biases.data))),
        Arguments.of(
            "scales [1, 1]",
            List.of(codes, new Part("x.scales", DType.F32, Shape.of(1, 1), new byte[4]), biases)),
        Arguments.of(
            "found F32 [1, 8]",
            List.of(new Part("x.weight", DType.F32, Shape.of(1, 8), codes.data), scales, biases)),
        Arguments.of(
            "U32 [1, 7]",
            List.of(new Part("x.weight", DType.U32, Shape.of(1, 7), new byte[28]), scales, biases)),
        Arguments.of(
            "U32 [8]",
            List.of(
                new Part("x.weight", DType.U32, Shape.of(8), codes.data),
                new Part("x.scales", DType.F32, Shape.of(2), scales.data),
                biases)));
  }

  @ParameterizedTest
  @MethodSource("misfits")
  void refusesPartsThatDoNotFit(String found, List<Part> parts) {
    model(FOUR_BITS_JSON, parts);
    Refused.asBad(folder.resolve("model.safetensors"), found, this::open);
  }

  @Test
  void refusesOtherTypes() {
    List<Part> parts = parts(FOUR_BITS, encode(FOUR_BITS, numbers(64)), 1);
    for (String other :
        List.of(
            "{\"group_size\":32,\"bits\":7}",
            "{\"group_size\":16,\"bits\":4}",
            "{\"group_size\":32,\"bits\":4,\"mode\":\"nf4\"}")) {
      Path config = model(other, parts).resolve("config.json");
      Refused.asUnsupported(config, "found {", this::open);
    }
    Path config = model(FOUR_BITS_JSON.replace("32", "\"x\""), parts).resolve("config.json");
    Refused.asBad(config, "group_size", this::open);
  }

  private void open() {
    Sources.open(folder).close();
  }
}
