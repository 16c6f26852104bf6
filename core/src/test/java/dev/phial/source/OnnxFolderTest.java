package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import onnx.Onnx.GraphProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorProto.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class OnnxFolderTest {
  private static final int EMBEDDING = 0; // among the initializers of OnnxFiles
  private static final int CODES = 2;
  private static final int SCALES = 3;
  private static final int DOWN = 5;
  private static final int COSINES = 6;
  private static final int NORM = 1; // among its nodes
  private static final int QKV = 2;
  private static final int MATMUL = 4;
  private static final int SCALE = 8; // added by OnnxFiles.round
  private static final int ZERO = 9;
  private static final int QUANTIZE = 5;

  @TempDir Path folder;

  private void open() {
    try (Checkpoint model = Sources.open(folder)) {
      Fuzzing.decode(model.tensors());
    }
  }

  private void refuses(String found, Consumer<GraphProto.Builder> change) {
    Refused.asBad(OnnxFiles.write(folder, change), found, this::open);
  }

  @Test
  void saysWhatTheModelIs() {
    OnnxFiles.write(folder, graph -> {});
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(model.kind()).isEqualTo("onnx");
      assertThat(model.naming()).isEqualTo(Naming.ONNX);
      Folder files = model.folder().orElseThrow();
      Config config = files.config();
      assertThat(config.json().path("architectures").path(0).stringValue())
          .isEqualTo("Phi3ForCausalLM");
      assertThat(config.count("intermediate_size")).isEqualTo(4);
      assertThat(config.number("rms_norm_eps", 0)).isEqualTo(1e-5);
      assertThat(config.number("rope_theta", 0)).isEqualTo(10_000);
      assertThat(config.flag("tie_word_embeddings", true)).isFalse();
      Map<String, Tensor> tensors = model.tensors();
      Tensor qkv = Tensors.get(tensors, "model.layers.0.attn.qkv_proj.weight");
      assertThat(qkv.encoding().name()).isEqualTo("UINT4G16");
      assertThat(qkv.shape()).isEqualTo(Shape.of(48, 16));
      assertThat(Tensors.get(tensors, "model.layers.0.mlp.down_proj.weight").shape())
          .isEqualTo(Shape.of(16, 4));
      assertThat(model.files()).hasSize(2);
      assertThat(
              files
                  .json("generation_config.json")
                  .orElseThrow()
                  .json()
                  .path("eos_token_id")
                  .asInt())
          .isEqualTo(1);
    }
  }

  @Test
  void refusesEveryTruncation() {
    byte[] valid = OnnxFiles.model(OnnxFiles.graph());
    OnnxFiles.write(folder, graph -> {});
    Refused.whereverCut(valid, folder.resolve("model.onnx"), file -> open());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../model.onnx.data", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "\0", "other"})
  void readsNothingOutsideTheFolder(String location) {
    refuses(
        location.equals("other") ? "no such file" : "found",
        graph ->
            graph.setInitializer(
                DOWN, OnnxFiles.external("d.MatMul.weight", location, "0", "256", 4, 16)));
  }

  @ParameterizedTest
  @CsvSource({
    "4,256,found only 256 bytes in the file",
    "999999999999999999,256,found only 256 bytes in the file",
    "9999999999999999999,256,found 9999999999999999999",
    "-1,256,found -1",
    "0,255,found a length of 255",
    "0,257,found a length of 257",
    "x,256,found x"
  })
  void refusesDataThatDoesNotFit(String offset, String length, String found) {
    OnnxFiles.write(
        folder,
        graph ->
            graph.setInitializer(
                DOWN,
                OnnxFiles.external("d.MatMul.weight", OnnxFiles.DATA, offset, length, 4, 16)));
    Refused.asBad(
        folder.resolve(found.contains("in the file") ? OnnxFiles.DATA : "model.onnx"),
        found,
        this::open);
  }

  @Test
  void refusesTensorsThatOverlap() {
    OnnxFiles.write(
        folder,
        graph ->
            graph.addInitializer(OnnxFiles.external("other", OnnxFiles.DATA, "128", "64", 16)));
    Refused.asBad(folder.resolve(OnnxFiles.DATA), "found another tensor in them", this::open);
  }

  static Stream<Arguments> damages() {
    return Stream.of(
        Arguments.of("found 128", tensor(EMBEDDING, t -> t.setDims(0, 3))),
        Arguments.of("more elements than fit", tensor(EMBEDDING, t -> t.setDims(0, 1L << 62))),
        Arguments.of("more elements than fit", tensor(EMBEDDING, t -> t.setDims(0, -2))),
        Arguments.of(
            "at most 8 numbers", tensor(EMBEDDING, t -> t.addAllDims(Collections.nCopies(7, 1L)))),
        Arguments.of("found it again", tensor(EMBEDDING, t -> t.setName("cos_cache"))),
        Arguments.of("printable characters", tensor(EMBEDDING, t -> t.setName("a\nb"))),
        Arguments.of("found I8", tensor(CODES, t -> t.setDataType(DataType.INT8_VALUE))),
        Arguments.of(
            "found F32 [24]",
            tensor(
                SCALES,
                t -> t.clearDims().addDims(24).setRawData(t.getRawData().substring(0, 96)))),
        Arguments.of("sines [4, 8]", tensor(COSINES, t -> t.setDims(0, 8).setDims(1, 4))),
        Arguments.of("found it again", node(QKV, n -> n.setOutput(0, "x"))),
        Arguments.of("[48, 1, 8]", qkv("N", 47)));
  }

  @ParameterizedTest
  @MethodSource("damages")
  void refusesWhatDoesNotFit(String found, Consumer<GraphProto.Builder> damage) {
    Refused.asBad(OnnxFiles.write(folder, damage), found, this::open);
  }

  /** One scale for all is not one for each block. */
  @Test
  void refusesOneScaleForManyBlocks() {
    refuses(
        "expected [2, 16]",
        graph ->
            graph
                .addInitializer(OnnxFiles.tensor("c", DataType.INT8, 512, 32, 16))
                .addInitializer(OnnxFiles.tensor("s", DataType.FLOAT, 4, 1))
                .addNode(
                    OnnxFiles.node(
                        "DequantizeLinear",
                        "dequantize",
                        List.of("c", "s"),
                        "whole",
                        OnnxFiles.number("axis", 0),
                        OnnxFiles.number("block_size", 16)))
                .addNode(OnnxFiles.node("MatMul", "multiply", List.of("w", "whole"), "v")));
  }

  static Stream<Arguments> strangers() {
    return Stream.of(
        Arguments.of("type 8", tensor(EMBEDDING, t -> t.setDataType(DataType.STRING_VALUE))),
        Arguments.of("found 3 bits", qkv("bits", 3)),
        Arguments.of("blocks of 0", qkv("block_size", 0)),
        Arguments.of("blocks of 48", qkv("block_size", 48)),
        Arguments.of("0 columns", qkv("K", 0)),
        Arguments.of("4611686018427387904 rows", qkv("N", 1L << 62)),
        Arguments.of("as input 2", node(QKV, n -> n.setInput(2, "computed"))),
        Arguments.of("no place in it", node(QKV, n -> n.setOpType("Gemm"))),
        Arguments.of("one epsilon", node(NORM, n -> n.setOpType("Relu"))),
        Arguments.of(
            "at position", tensor(COSINES, t -> t.setRawData(ByteString.copyFrom(new byte[128])))));
  }

  @ParameterizedTest
  @MethodSource("strangers")
  void refusesWhatNoBuilderWrites(String found, Consumer<GraphProto.Builder> change) {
    Refused.asUnsupported(OnnxFiles.write(folder, change), found, this::open);
  }

  @ParameterizedTest
  @CsvSource({
    "'\"filename\":\"model.onnx\",','model.decoder.filename'",
    "'\"filename\":\"model.onnx\"','../model.onnx'",
    "'\"hidden_size\":16,','hidden_size'",
    "'\"head_size\":16,','head_size'",
    "'\"context_length\":4,','context_length'"
  })
  void refusesFoldersThatSayTooLittle(String fact, String found) {
    OnnxFiles.write(folder, graph -> {});
    String other = found.startsWith("..") ? fact.replace("model.onnx", found) : "";
    Refused.write(folder.resolve("genai_config.json"), OnnxFiles.GENAI.replace(fact, other));
    if (found.startsWith("model.")) {
      Refused.asUnsupported(folder.resolve("genai_config.json"), found, this::open);
    } else {
      Refused.asBad(folder.resolve("genai_config.json"), found, this::open);
    }
  }

  /** Activations rounded to 8 bits before the product with the down projection. */
  @Test
  void readsWhatIsRounded() {
    OnnxFiles.write(folder, OnnxFiles::round);
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(model.activations().codes())
          .containsExactly(
              Map.entry(
                  ActivationPoint.FEED_FORWARD_PRODUCT.in(0), new ActivationCodes(8, 0.5f, 3)));
    }
  }

  static Stream<Arguments> roundings() {
    return Stream.of(
        Arguments.of("found 0.0", scalar(SCALE, 0f)),
        Arguments.of("found -1.0", scalar(SCALE, -1f)),
        Arguments.of("found NaN", scalar(SCALE, Float.NaN)),
        Arguments.of("found Infinity", scalar(SCALE, Float.POSITIVE_INFINITY)));
  }

  @ParameterizedTest
  @MethodSource("roundings")
  void refusesScalesThatAreNone(String found, Consumer<GraphProto.Builder> change) {
    Refused.asBad(
        OnnxFiles.write(
            folder,
            graph -> {
              OnnxFiles.round(graph);
              change.accept(graph);
            }),
        found,
        this::open);
  }

  static Stream<Arguments> strangeRoundings() {
    return Stream.of(
        Arguments.of("found I8", tensor(ZERO, t -> t.setDataType(DataType.INT8_VALUE))),
        Arguments.of(
            "found [2]",
            tensor(ZERO, t -> t.addDims(2).setRawData(ByteString.copyFrom(new byte[2])))),
        Arguments.of("found none", node(QUANTIZE, n -> n.setInput(1, "nothing"))),
        Arguments.of(
            "found none", node(QUANTIZE, n -> n.clearInput().addInput("z").addInput("scale"))),
        Arguments.of(
            "scale and zero point of node q",
            change(graph -> {
              graph.addInitializer(
                  OnnxFiles.tensor("other", DataType.UINT8, 0)
                      .setRawData(ByteString.copyFrom(new byte[1])));
              graph.getNodeBuilder(QUANTIZE + 1).setInput(2, "other");
            })),
        Arguments.of(
            "expected DequantizeLinear after QuantizeLinear",
            node(MATMUL, n -> n.setInput(0, "codes"))),
        Arguments.of(
            "rounded before this",
            change(graph ->
                graph.addNode(OnnxFiles.node("Add", "sum", List.of("x", "rounded"), "more")))));
  }

  private static Consumer<GraphProto.Builder> change(Consumer<GraphProto.Builder> change) {
    return change;
  }

  @ParameterizedTest
  @MethodSource("strangeRoundings")
  void refusesRoundingThatNobodyDoes(String found, Consumer<GraphProto.Builder> change) {
    Refused.asUnsupported(
        OnnxFiles.write(
            folder,
            graph -> {
              OnnxFiles.round(graph);
              change.accept(graph);
            }),
        found,
        this::open);
  }

  private static Consumer<GraphProto.Builder> scalar(int initializer, float value) {
    return tensor(initializer, t -> t.setRawData(ByteString.copyFrom(Bytes.of(value))));
  }

  private static Consumer<GraphProto.Builder> tensor(
      int initializer, Consumer<TensorProto.Builder> change) {
    return graph -> change.accept(graph.getInitializerBuilder(initializer));
  }

  private static Consumer<GraphProto.Builder> node(int node, Consumer<NodeProto.Builder> change) {
    return graph -> change.accept(graph.getNodeBuilder(node));
  }

  private static Consumer<GraphProto.Builder> qkv(String attribute, long value) {
    return node(
        QKV,
        node ->
            node.getAttributeBuilderList().stream()
                .filter(a -> a.getName().equals(attribute))
                .forEach(a -> a.setI(value)));
  }
}
