package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.phial.io.Json;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Layers that the tools themselves quantized; {@code tools/make-torch-layers.py} cuts them out. */
final class TorchQuantizersTest {
  private static final String LAYER = "model.layers.0.self_attn.o_proj";
  private static final String WEIGHT = LAYER + ".weight";

  private static final Offset<Float> NO_SIGN_OF_ZERO = Offset.offset(0f);

  @TempDir Path folder;

  private final Arena arena = Arena.ofShared();
  private final List<String> notes = new ArrayList<>();
  private Path file = Path.of("");

  @BeforeEach
  void nameFile() {
    file = folder.resolve("model.safetensors");
  }

  @AfterEach
  void close() {
    arena.close();
  }

  private static byte[] resource(String name) {
    try (InputStream in = TorchQuantizersTest.class.getResourceAsStream("quantized/" + name)) {
      return Objects.requireNonNull(in).readAllBytes();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static JsonNode layers() {
    return Json.MAPPER.readTree(resource("layers.json"));
  }

  static Stream<String> names() {
    return layers().propertyNames().stream();
  }

  /** The tensors of a layer, which a test may change. */
  private Map<String, Tensor> tensors(String name) {
    try {
      Files.write(file, resource(name + ".safetensors"));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return new LinkedHashMap<>(Safetensors.read(file, arena));
  }

  private Config quantization(String name) {
    return new Config(
        folder.resolve("config.json"), layers().path(name).path("quantization_config"));
  }

  private Tensor attach(Map<String, Tensor> tensors, Config quantization) {
    Map<String, Tensor> attached =
        TorchQuantizers.attach(quantization, Optional.of(quantization), tensors, notes);
    if (ScaledWeights.areIn(attached)) {
      attached = ScaledWeights.attach(quantization, attached);
    }
    assertThat(attached.keySet()).isSubsetOf(WEIGHT, LAYER + ".bias");
    return Tensors.get(attached, WEIGHT);
  }

  @ParameterizedTest
  @MethodSource("names")
  void readsTheNumbersOfTheTool(String name) throws NoSuchAlgorithmException {
    Tensor weight = attach(tensors(name), quantization(name));
    JsonNode expected = layers().path(name);
    assertThat(weight.shape())
        .isEqualTo(
            Shape.of(
                expected.path("shape").path(0).asLong(), expected.path("shape").path(1).asLong()));
    assertThat(notes).isEmpty();
    float[] whole = read(weight, 0, (int) weight.shape().rows());
    ByteBuffer bytes =
        ByteBuffer.allocate(whole.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : whole) {
      bytes.putFloat(value);
    }
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes.array());
    assertThat(HexFormat.of().formatHex(hash)).isEqualTo(expected.path("sha256").stringValue());
    assertPartsAgree(weight, whole);
    assertThat(weight.storedBytes()).isBetween(weight.bytes(), 2 * weight.bytes());
  }

  /** Rows apart, slices and codes give the same numbers. */
  private static void assertPartsAgree(Tensor weight, float[] whole) {
    int columns = (int) weight.shape().columns();
    float[] some = new float[5 * columns];
    System.arraycopy(whole, 13 * columns, some, 0, some.length);
    assertThat(read(weight, 13, 5)).isEqualTo(some);
    assertThat(read(weight.slice("slice", 11, 9), 2, 5)).isEqualTo(some);
    Tensor stack =
        Tensor.stack("stack", List.of(weight.slice("a", 0, 15), weight.slice("b", 15, 9)));
    assertThat(read(stack, 13, 5)).isEqualTo(some);
    weight
        .coding()
        .ifPresent(
            coding -> assertThat(codes(weight, coding)).containsExactly(some, NO_SIGN_OF_ZERO));
  }

  private static float[] read(Tensor tensor, int first, int rows) {
    float[] values = new float[rows * (int) tensor.shape().columns()];
    tensor.read(first, rows, values, 0);
    return values;
  }

  private static float[] codes(Tensor weight, Coding coding) {
    int columns = (int) weight.shape().columns();
    CodedRows rows = CodedRows.of(5, columns, coding.groupSize());
    weight.readCodes(13, 5, rows, 0);
    float[] values = new float[5 * columns];
    for (int i = 0; i < values.length; i++) {
      int group = i / coding.groupSize();
      int code = rows.codes()[i];
      assertThat(code).isBetween(coding.least(), coding.most());
      values[i] = (float) (code * (double) rows.scales()[group] + rows.offsets()[group]);
    }
    return values;
  }

  // --- what configurations say

  /** A file says more about itself than a configuration that was left over. */
  @Test
  void believesTheTensors() {
    Config gptq = quantization("gptq-w4-g128-asym");
    Tensor weight = attach(tensors("awq-w4-g128"), gptq);
    assertThat(weight.encoding().name()).isEqualTo("AWQ4G128");
    assertThat(notes).singleElement().asString().contains("with gptq", "as awq does");
  }

  @Test
  void needsNoConfiguration() {
    Config config = new Config(folder.resolve("config.json"), Json.MAPPER.createObjectNode());
    Map<String, Tensor> attached =
        TorchQuantizers.attach(config, Optional.empty(), tensors("ct-w4a16"), notes);
    assertThat(read(Tensors.get(attached, WEIGHT), 0, 9))
        .isEqualTo(read(attach(tensors("ct-w4a16"), quantization("ct-w4a16")), 0, 9));
    assertThat(notes).first().asString().contains("it does not say");
  }

  /** The two versions of GPTQ differ in nothing but zero points, and symmetric ones say which. */
  @Test
  void tellsVersionsOfSymmetricGptqApart() {
    String name = "gptq-w4-g128-sym";
    float[] expected = read(attach(tensors(name), quantization(name)), 0, 16);
    Map<String, Tensor> second = tensors(name);
    Tensor zeros = Tensors.get(second, LAYER + ".qzeros");
    byte[] bytes = new byte[(int) zeros.bytes()];
    Arrays.fill(bytes, (byte) 0x88);
    second.put(zeros.name(), with(zeros, zeros.shape(), bytes));
    assertThat(read(attach(second, quantization(name)), 0, 16)).isEqualTo(expected);
  }

  // --- refusals

  private static Tensor with(Tensor tensor, Shape shape, byte[] bytes) {
    return new Tensor(
        tensor.file(), tensor.name(), tensor.encoding(), shape, MemorySegment.ofArray(bytes));
  }

  private static Tensor with(Tensor tensor, DType type) {
    return new Tensor(tensor.file(), tensor.name(), type, tensor.shape(), tensor.data());
  }

  /** A layer, the part that is changed, and what the message says of it. */
  static Stream<Arguments> withoutParts() {
    return Stream.of(
        Arguments.of("gptq-w4-g128-sym", ".qzeros"),
        Arguments.of("gptq-w4-g128-sym", ".scales"),
        Arguments.of("awq-w4-g128", ".qzeros"),
        Arguments.of("ct-w4a16", ".weight_scale"),
        Arguments.of("ct-w4a16", ".weight_shape"),
        Arguments.of("bnb-nf4", ".weight.absmax"),
        Arguments.of("bnb-nf4-dq", ".weight.nested_absmax"),
        Arguments.of("bnb-nf4", ".weight.quant_state.bitsandbytes__nf4"),
        Arguments.of("bnb-int8", ".weight"),
        Arguments.of("hqq-w4-g64", ".zero"),
        Arguments.of("hqq-w4-g64", ".nbits"),
        Arguments.of("torchao-int8wo-phi4-mini", "._weight_scale"));
  }

  @ParameterizedTest
  @MethodSource("withoutParts")
  void refusesLayersThatLackAPart(String name, String part) {
    Map<String, Tensor> tensors = tensors(name);
    assertThat(tensors.remove(LAYER + part)).isNotNull();
    Refused.asBad(file, LAYER + part, () -> attach(tensors, quantization(name)));
  }

  static Stream<Arguments> parts() {
    return names()
        .filter(name -> !List.of("ct-fp8-dynamic", "ct-w8a8").contains(name))
        .filter(name -> !name.startsWith("fp8") && !name.startsWith("ct-fp8"))
        .flatMap(name -> {
          try (Arena some = Arena.ofConfined()) {
            Path copy = Files.createTempFile("layer", ".safetensors");
            copy.toFile().deleteOnExit();
            Files.write(copy, resource(name + ".safetensors"));
            return List.copyOf(Safetensors.read(copy, some).keySet()).stream()
                .filter(part -> !part.endsWith("weight_format")) // which says nothing
                .filter(part -> !part.endsWith(".bias"))
                .filter(
                    part -> !name.startsWith("hqq") || part.matches(".*\\.(W_q|scale|zero|shape)"))
                .map(part -> Arguments.of(name, part));
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
  }

  /** Shapes must agree, whichever of them lies. */
  @ParameterizedTest
  @MethodSource("parts")
  void refusesShapesThatLie(String name, String part) {
    assumeThat(name + part)
        .doesNotMatch("(bnb-int8|torchao-int8).*(weight|qdata)|torchao-fp8.*"); // a scale a row
    Map<String, Tensor> tensors = tensors(name);
    Tensor tensor = Tensors.get(tensors, part);
    List<Long> dimensions = new ArrayList<>(tensor.shape().dimensions());
    dimensions.set(dimensions.size() - 1, dimensions.getLast() + 3);
    long elements = dimensions.stream().reduce(1L, (a, b) -> a * b);
    byte[] bytes = new byte[(int) tensor.encoding().bytes(elements)];
    MemorySegment.copy(
        tensor.data(), ValueLayout.JAVA_BYTE, 0, bytes, 0, (int) tensor.data().byteSize());
    tensors.put(part, with(tensor, new Shape(dimensions), bytes));
    Refused.asBad(file, "tensor " + LAYER, () -> attach(tensors, quantization(name)));
  }

  /** Types must be those of the format. */
  @ParameterizedTest
  @MethodSource("parts")
  void refusesOtherTypes(String name, String part) {
    Map<String, Tensor> tensors = tensors(name);
    tensors.put(part, with(Tensors.get(tensors, part), DType.I16));
    Refused.asBad(file, "tensor " + LAYER, () -> attach(tensors, quantization(name)));
  }

  @Test
  void refusesGroupsOutOfRange() {
    Map<String, Tensor> tensors = tensors("gptq-w4-g128-sym-descact");
    Tensor order = Tensors.get(tensors, LAYER + ".g_idx");
    for (int wrong : new int[] {-1, 2, Integer.MAX_VALUE}) {
      byte[] bytes = order.data().toArray(ValueLayout.JAVA_BYTE);
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(40, wrong);
      tensors.put(order.name(), with(order, order.shape(), bytes));
      Refused.asBad(
          file,
          "expected groups from 0 to 1",
          () -> attach(tensors, quantization("gptq-w4-g128-sym-descact")));
    }
  }

  @Test
  void refusesHqqOfAnotherKind() {
    String name = "hqq-w4-g64";
    for (String part : List.of(".axis", ".nbits", ".view_as_float")) {
      Map<String, Tensor> tensors = tensors(name);
      Tensor tensor = Tensors.get(tensors, LAYER + part);
      byte[] bytes = new byte[(int) tensor.bytes()];
      bytes[0] = 3;
      tensors.put(tensor.name(), with(tensor, tensor.shape(), bytes));
      Refused.asUnsupported(
          file, "expected groups along rows", () -> attach(tensors, quantization(name)));
    }
  }

  @Test
  void refusesStatesThatAreNoJson() {
    String part = LAYER + ".weight.quant_state.bitsandbytes__nf4";
    Map<String, Tensor> tensors = tensors("bnb-nf4");
    Tensor state = Tensors.get(tensors, part);
    for (String text : new String[] {"nonsense", "[1]", "{\"shape\":[1,2,3]", "\u0000"}) {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      tensors.put(part, with(state, Shape.of(bytes.length), bytes));
      Refused.asBad(file, "expected a JSON object", () -> attach(tensors, quantization("bnb-nf4")));
    }
    byte[] long1 = new byte[1 << 17];
    tensors.put(part, with(state, Shape.of(long1.length), long1));
    Refused.asBad(file, "bytes of JSON", () -> attach(tensors, quantization("bnb-nf4")));
    byte[] other =
        "{\"quant_type\":\"nf4\",\"blocksize\":64,\"shape\":[1e300,5]}"
            .getBytes(StandardCharsets.UTF_8);
    tensors.put(part, with(state, Shape.of(other.length), other));
    Refused.asBad(file, "two codes a byte", () -> attach(tensors, quantization("bnb-nf4")));
  }

  private Config config(String json) {
    return new Config(folder.resolve("config.json"), Json.MAPPER.readTree(json.replace("'", "\"")));
  }

  @Test
  void refusesWeightsThatAreThereTwice() {
    for (String name : List.of("gptq-w4-g128-sym", "awq-w4-g128", "ct-w4a16")) {
      Map<String, Tensor> tensors = tensors(name);
      Tensor plain =
          new Tensor(
              file,
              WEIGHT,
              DType.F32,
              Shape.of(256, 256),
              MemorySegment.ofArray(new byte[1 << 18]));
      tensors.put(WEIGHT, plain);
      Refused.asBad(file, "expected the weight once", () -> attach(tensors, quantization(name)));
    }
  }

  @Test
  void refusesBitsAndTransformsThatTheTensorsDoNotShow() {
    Path config = folder.resolve("config.json");
    Refused.asUnsupported(
        file,
        "expected codes of 7 bits",
        () ->
            attach(
                tensors("ct-w4a16"), config("{'config_groups':{'g':{'weights':{'num_bits':7}}}}")));
    Refused.asUnsupported(
        config,
        "transform_config",
        () ->
            attach(
                tensors("ct-w4a16"), config("{'transform_config':{'config_groups':{'R4':{}}}}")));
    Refused.asUnsupported(
        config,
        "marlin-24",
        () ->
            attach(
                tensors("ct-w4a16"),
                config("{'quant_method':'compressed-tensors','format':'marlin-24'}")));
  }

  @Test
  void refusesCodesInAnOrderForSomeGpus() {
    Map<String, Tensor> tensors = tensors("bnb-int8");
    Tensor order = Tensors.get(tensors, LAYER + ".weight_format");
    tensors.put(order.name(), with(order, order.shape(), new byte[] {2}));
    Refused.asUnsupported(
        file, "order for some GPUs", () -> attach(tensors, quantization("bnb-int8")));
  }

  @Test
  void refusesStatesThatSayTooLittleOrTooMuch() {
    String part = LAYER + ".weight.quant_state.bitsandbytes__nf4";
    Map<String, Tensor> tensors = tensors("bnb-nf4-dq");
    Tensor state = Tensors.get(tensors, part);
    String json = new String(state.data().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    byte[] without = json.replace("nested_offset", "no_offset").getBytes(StandardCharsets.UTF_8);
    tensors.put(part, with(state, Shape.of(without.length), without));
    Refused.asBad(file, "nested_offset", () -> attach(tensors, quantization("bnb-nf4-dq")));
    byte[] other = json.replace("\"nf4\"", "\"\\u001b[31M\"").getBytes(StandardCharsets.UTF_8);
    tensors.put(part, with(state, Shape.of(other.length), other));
    Refused.asUnsupported(
        file, "expected one of [nf4, fp4]", () -> attach(tensors, quantization("bnb-nf4-dq")));
  }

  @Test
  void refusesMoreNumbersThanALayerHas() {
    Map<String, Tensor> tensors = tensors("gptq-w4-g128-sym");
    int columns = 1 << 21;
    int words = columns / 8;
    tensors.put(LAYER + ".qweight", zeros(LAYER + ".qweight", DType.I32, Shape.of(words, 8)));
    tensors.put(LAYER + ".g_idx", zeros(LAYER + ".g_idx", DType.I32, Shape.of(columns)));
    tensors.put(LAYER + ".scales", zeros(LAYER + ".scales", DType.F16, Shape.of(1, 8)));
    tensors.put(LAYER + ".qzeros", zeros(LAYER + ".qzeros", DType.I32, Shape.of(1, 1)));
    Refused.asBad(
        file, "expected at most 1048576", () -> attach(tensors, quantization("gptq-w4-g128-sym")));
  }

  private Tensor zeros(String name, DType type, Shape shape) {
    return new Tensor(file, name, type, shape, arena.allocate(type.bytes(shape.elements())));
  }

  /** Rows of codes lie in order there; scales and zero points are padded for small groups. */
  @Test
  void readsAwqForVectorsUnderEitherNameOfTheGroupSize() {
    int size = 64;
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    int rows = 16;
    int columns = 256;
    byte[] codes = new byte[rows * columns / 2];
    Arrays.fill(codes, (byte) 0x93); // 3, 9
    tensors.put(
        LAYER + ".qweight",
        new Tensor(
            file,
            LAYER + ".qweight",
            DType.I32,
            Shape.of(rows, columns / 8),
            MemorySegment.ofArray(codes)));
    byte[] zeros = new byte[rows * 2 * Integer.BYTES]; // 4 groups, padded to 2 words
    Arrays.fill(zeros, (byte) 0x77);
    tensors.put(
        LAYER + ".qzeros",
        new Tensor(
            file, LAYER + ".qzeros", DType.I32, Shape.of(rows, 2), MemorySegment.ofArray(zeros)));
    byte[] scales = new byte[rows * 16 * Short.BYTES];
    for (int i = 0; i < scales.length; i += 2) {
      scales[i + 1] = 0x40; // 2 in half precision
    }
    tensors.put(
        LAYER + ".scales",
        new Tensor(
            file, LAYER + ".scales", DType.F16, Shape.of(rows, 16), MemorySegment.ofArray(scales)));
    for (String key : List.of("group_size", "q_group_size")) {
      Tensor weight =
          attach(tensors, config("{'quant_method':'awq','%s':%d}".formatted(key, size)));
      assertThat(read(weight, 5, 1)).startsWith(-8, 4, -8, 4);
    }
    Refused.asBad(
        file,
        "for every 128 of 256 columns",
        () -> attach(tensors, config("{'quant_method':'awq'}")));
  }
}
