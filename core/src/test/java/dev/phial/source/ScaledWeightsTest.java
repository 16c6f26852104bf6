package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ScaledWeightsTest {
  private static final String FP8 = "{\"quant_method\":\"fp8\"}";
  private static final String BLOCKS = "{\"quant_method\":\"fp8\",\"weight_block_size\":[2,3]}";
  private static final String CHANNELS =
      """
      {"quant_method":"compressed-tensors","format":"float-quantized","config_groups":{"group_0":
       {"weights":{"strategy":"channel","block_structure":null,"group_size":null}}}}\
      """;
  private static final String MODELOPT = "{\"quant_method\":\"modelopt\",\"quant_algo\":\"FP8\"}";
  private static final byte ONE = 0x38; // in F8_E4M3

  @TempDir Path folder;

  record Part(String name, DType dtype, Shape shape, byte[] data) {}

  /** Ones. */
  private static Part fp8(String name, long... shape) {
    byte[] data = new byte[(int) Shape.of(shape).elements()];
    Arrays.fill(data, ONE);
    return new Part(name, DType.F8_E4M3, Shape.of(shape), data);
  }

  private static Part scale(String name, Shape shape, float... values) {
    List<Object> data = new ArrayList<>();
    for (float value : values) {
      data.add(value);
    }
    return new Part(name, DType.F32, shape, Bytes.of(data.toArray()));
  }

  private Path model(String quantization, Part... parts) {
    Refused.write(
        folder.resolve("config.json"), "{\"quantization_config\":%s}".formatted(quantization));
    Map<String, String> header = new LinkedHashMap<>();
    List<Object> data = new ArrayList<>();
    int at = 0;
    for (Part part : parts) {
      header.put(
          part.name,
          "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(part.name, part.dtype, part.shape, at, at + part.data.length));
      data.add(part.data);
      at += part.data.length;
    }
    Refused.write(
        folder.resolve("model.safetensors"),
        SafetensorsTest.file(
            header.values().stream().collect(Collectors.joining(",", "{", "}")), data.toArray()));
    return folder;
  }

  private void read(String quantization, Consumer<Map<String, Tensor>> check, Part... parts) {
    try (Checkpoint model = Sources.open(model(quantization, parts))) {
      check.accept(model.tensors());
    }
  }

  static Stream<Arguments> scalings() {
    Shape grid = Shape.of(2, 2);
    return Stream.of(
        // one scale for all, in each of the shapes it has
        Arguments.of(FP8, Shape.of(2, 2), scale("w.weight_scale_inv", Shape.of(), 3), "3 3 3 3"),
        Arguments.of(FP8, Shape.of(2, 2), scale("w.weight_scale_inv", Shape.of(1), 3), "3 3 3 3"),
        Arguments.of(FP8, Shape.of(2, 2), scale("w.weight_scale", Shape.of(1), 3), "3 3 3 3"),
        Arguments.of(MODELOPT, Shape.of(2, 2), scale("w.weight_scale", Shape.of(), 3), "3 3 3 3"),
        Arguments.of(FP8, Shape.of(3), scale("w.weight_scale_inv", Shape.of(), 3), "3 3 3"),
        Arguments.of(FP8, Shape.of(2), scale("w.weight_scale_inv", Shape.of(2), 3, 4), "3 4"),
        // one per row
        Arguments.of(
            CHANNELS, Shape.of(2, 2), scale("w.weight_scale", Shape.of(2), 3, 4), "3 3 4 4"),
        Arguments.of(
            CHANNELS, Shape.of(2, 2), scale("w.weight_scale", Shape.of(2, 1), 3, 4), "3 3 4 4"),
        // one per column
        Arguments.of(
            CHANNELS, Shape.of(2, 2), scale("w.weight_scale", Shape.of(1, 2), 3, 4), "3 4 3 4"),
        // one per block of 2 x 3: whole, cut, and smaller than a block
        Arguments.of(
            BLOCKS,
            Shape.of(4, 6),
            scale("w.weight_scale_inv", grid, 1, 2, 3, 4),
            "1 1 1 2 2 2 1 1 1 2 2 2 3 3 3 4 4 4 3 3 3 4 4 4"),
        Arguments.of(
            BLOCKS,
            Shape.of(3, 4),
            scale("w.weight_scale_inv", grid, 1, 2, 3, 4),
            "1 1 1 2 1 1 1 2 3 3 3 4"),
        Arguments.of(BLOCKS, Shape.of(1, 2), scale("w.weight_scale_inv", Shape.of(1, 1), 5), "5 5"),
        // a stack of matrices: one scale per matrix, per row, per block, for all
        Arguments.of(
            FP8, Shape.of(2, 1, 2), scale("w.weight_scale_inv", Shape.of(2), 3, 4), "3 3 4 4"),
        Arguments.of(
            CHANNELS,
            Shape.of(2, 2, 1),
            scale("w.weight_scale", Shape.of(2, 2, 1), 1, 2, 3, 4),
            "1 2 3 4"),
        Arguments.of(
            BLOCKS,
            Shape.of(2, 3, 1),
            scale("w.weight_scale_inv", Shape.of(2, 2, 1), 1, 2, 3, 4),
            "1 1 2 3 3 4"),
        Arguments.of(
            CHANNELS,
            Shape.of(2, 2, 1),
            scale("w.weight_scale", Shape.of(1, 2, 1), 1, 2),
            "1 2 1 2"),
        Arguments.of(
            FP8, Shape.of(2, 1, 2), scale("w.weight_scale_inv", Shape.of(), 3), "3 3 3 3"));
  }

  @ParameterizedTest
  @MethodSource("scalings")
  void scales(String quantization, Shape shape, Part scale, String expected) {
    long[] dimensions = shape.dimensions().stream().mapToLong(d -> d).toArray();
    read(
        quantization,
        tensors -> {
          assertThat(tensors.keySet()).containsExactly("w.weight");
          assertThat(Tensors.values(tensors, "w.weight")).containsExactly(floats(expected));
        },
        fp8("w.weight", dimensions),
        scale);
  }

  private static float[] floats(String text) {
    String[] words = text.split(" ", -1);
    float[] values = new float[words.length];
    for (int i = 0; i < words.length; i++) {
      values[i] = Float.parseFloat(words[i]);
    }
    return values;
  }

  /** In float, as torch has it: BF16 scale 0.1 is 0.10009765625, times 3. */
  @Test
  void multipliesInFloat() {
    Part weight = new Part("w.weight", DType.I8, Shape.of(1, 2), new byte[] {3, -128});
    Part scale = new Part("w.weight_scale", DType.BF16, Shape.of(1), Bytes.of((short) 0x3dcd));
    float tenth = Float.intBitsToFloat(0x3dcd0000);
    read(
        CHANNELS.replace("float-quantized", "int-quantized"),
        tensors ->
            assertThat(Tensors.values(tensors, "w.weight"))
                .containsExactly(3f * tenth, -128f * tenth),
        weight,
        scale);
  }

  @Test
  void slicesKeepTheirScales() {
    read(
        BLOCKS,
        tensors -> {
          Tensor weight = Tensors.get(tensors, "experts.gate_up_proj");
          float[] values = new float[2];
          weight.slice("s", 2, 2).read(0, 2, values, 0); // the last row of one, the first of two
          assertThat(values).containsExactly(2, 3);
          weight.slice("s", 1, 5).slice("t", 2, 3).read(1, 2, values, 0);
          assertThat(values).containsExactly(3, 4);
        },
        fp8("experts.gate_up_proj", 2, 3, 1),
        scale("experts.gate_up_proj_scale_inv", Shape.of(2, 2, 1), 1, 2, 3, 4));
  }

  @Test
  void dropsScalesOfActivationsAndLeavesTheRest() {
    read(
        MODELOPT,
        tensors -> {
          assertThat(tensors.keySet()).containsExactly("norm.weight", "w.weight");
          assertThat(Tensors.get(tensors, "norm.weight").scales()).isNull();
        },
        fp8("w.weight", 1, 1),
        scale("w.weight_scale", Shape.of(), 3),
        scale("w.input_scale", Shape.of(), 3),
        scale("w.activation_scale", Shape.of(), 3),
        scale("k_proj.k_scale", Shape.of(), 3),
        scale("v_proj.v_scale", Shape.of(), 3),
        scale("norm.weight", Shape.of(1), 3));
  }

  @Test
  void readsModelOptsOwnFile() {
    Part[] parts = {fp8("w.weight", 1, 1), scale("w.weight_scale", Shape.of(), 3)};
    Refused.write(
        folder.resolve("hf_quant_config.json"), "{\"quantization\":{\"quant_algo\":\"FP8\"}}");
    read(
        "null",
        tensors -> assertThat(Tensors.values(tensors, "w.weight")).containsExactly(3),
        parts);
    Path own =
        Refused.write(
            folder.resolve("hf_quant_config.json"),
            "{\"quantization\":{\"quant_algo\":\"NVFP4\"}}");
    model("null", parts);
    Refused.asUnsupported(own, "modelopt NVFP4", this::open);
  }

  @Test
  void readsFp8WithoutScalesWhereNoneArePromised() {
    for (String none : new String[] {"null", "{}"}) {
      read(
          none,
          tensors -> assertThat(Tensors.values(tensors, "w.weight")).containsExactly(1),
          fp8("w.weight", 1, 1));
    }
  }

  static Stream<String> methods() {
    return Stream.of("gptq", "awq", "bitsandbytes", "mxfp4", "bitnet", "aqlm", "hqq", "quanto");
  }

  @ParameterizedTest
  @MethodSource("methods")
  void refusesOtherMethodsByName(String method) {
    Path config =
        model("{\"quant_method\":\"%s\",\"bits\":4}".formatted(method)).resolve("config.json");
    Refused.asUnsupported(config, "quantized with " + method, this::open);
    Refused.asUnsupported(config, "use the original checkpoint", this::open);
  }

  static Stream<Arguments> unsupported() {
    return Stream.of(
        Arguments.of("a method it does not name", "{\"load_in_4bit\":true}"),
        Arguments.of("modelopt NVFP4", MODELOPT.replace("FP8", "NVFP4")),
        Arguments.of("modelopt no algorithm", "{\"quant_method\":\"modelopt\"}"),
        Arguments.of("pack-quantized", CHANNELS.replace("float-quantized", "pack-quantized")),
        Arguments.of(
            "nvfp4-pack-quantized", CHANNELS.replace("float-quantized", "nvfp4-pack-quantized")),
        Arguments.of("no format", CHANNELS.replace("format", "fromat")),
        Arguments.of("without config_groups", CHANNELS.replace("config_groups", "groups")),
        Arguments.of("in 2 groups", CHANNELS.replace("\"group_0\"", "\"g\":{},\"group_0\"")),
        Arguments.of("without weights", CHANNELS.replace("weights", "activations")),
        Arguments.of("by group", CHANNELS.replace("channel", "group")),
        Arguments.of("by channel", CHANNELS.replace("size\":null", "size\":128")),
        Arguments.of(
            "zero points", CHANNELS.replace("\"strategy\"", "\"symmetric\":false,\"strategy\"")));
  }

  @ParameterizedTest
  @MethodSource("unsupported")
  void refusesOtherWays(String found, String quantization) {
    Path config = model(quantization).resolve("config.json");
    Refused.asUnsupported(config, found, this::open);
  }

  static Stream<Arguments> misfits() {
    Part weight = fp8("w.weight", 4, 6);
    Part wide = scale("w.weight", Shape.of(1), 1);
    return Stream.of(
        Arguments.of("found none", FP8, List.of(weight)),
        Arguments.of("found none", FP8, List.of(scale("w.weight_scale_inv", Shape.of(), 1))),
        Arguments.of(
            "found F32 and F32", FP8, List.of(wide, scale("w.weight_scale", Shape.of(), 1))),
        Arguments.of("found F8_E4M3 and F8_E4M3", FP8, List.of(weight, fp8("w.weight_scale", 1))),
        Arguments.of(
            "found shape [3]", FP8, List.of(weight, scale("w.weight_scale", Shape.of(3), 1, 1, 1))),
        Arguments.of(
            "found shape [6]",
            CHANNELS,
            List.of(weight, scale("w.weight_scale", Shape.of(6), 1, 1, 1, 1, 1, 1))),
        Arguments.of(
            "found shape [4, 1, 1]",
            CHANNELS,
            List.of(weight, scale("w.weight_scale", Shape.of(4, 1, 1), 1, 1, 1, 1))),
        Arguments.of(
            "block of [2, 3]", BLOCKS, List.of(weight, scale("w.weight_scale_inv", Shape.of(), 1))),
        Arguments.of(
            "found shape [2, 1]",
            BLOCKS,
            List.of(weight, scale("w.weight_scale_inv", Shape.of(2, 1), 1, 1))),
        Arguments.of(
            "found NaN", FP8, List.of(weight, scale("w.weight_scale", Shape.of(), Float.NaN))),
        Arguments.of(
            "found Infinity", FP8, List.of(weight, scale("w.weight_scale", Shape.of(), 1 / 0f))));
  }

  @ParameterizedTest
  @MethodSource("misfits")
  void refusesScalesThatDoNotFit(String found, String quantization, List<Part> parts) {
    model(quantization, parts.toArray(Part[]::new));
    Refused.asBad(folder.resolve("model.safetensors"), found, this::open);
  }

  @Test
  void refusesZeroPoints() {
    Part zero = new Part("w.weight_zero_point", DType.I8, Shape.of(1), new byte[1]);
    model(CHANNELS, fp8("w.weight", 1, 1), scale("w.weight_scale", Shape.of(1), 1), zero);
    Refused.asUnsupported(folder.resolve("model.safetensors"), "w.weight_zero_point", this::open);
  }

  @Test
  void refusesBlocksThatAreNone() {
    for (String block : new String[] {"[1]", "[0,128]", "[1.5,2]", "[-1,2]", "[1,2,3]", "\"x\""}) {
      Path config = model(BLOCKS.replace("[2,3]", block)).resolve("config.json");
      Refused.asBad(config, "weight_block_size", this::open);
    }
  }

  private void open() {
    Sources.open(folder).close();
  }
}
