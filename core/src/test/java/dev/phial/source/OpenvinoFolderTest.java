package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class OpenvinoFolderTest {
  private static final String START = "<net name";
  private static final String NORM = "__module.model.layers.0.input_layernorm/aten::mul/Multiply_1";

  @TempDir Path folder;

  private void open() {
    try (Checkpoint model = Sources.open(folder)) {
      Fuzzing.decode(model.tensors());
    }
  }

  private void refuses(String found, String text, String other) {
    assertThat(OpenvinoFiles.GRAPH).contains(text);
    Refused.asBad(OpenvinoFiles.write(folder, text, other), found, this::open);
  }

  @Test
  void findsParametersByWhatUsesThem() {
    OpenvinoFiles.write(folder, "", "");
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(model.kind()).isEqualTo("openvino");
      assertThat(model.files()).hasSize(2);
      Map<String, Tensor> tensors = model.tensors();
      assertThat(tensors)
          .containsOnlyKeys(
              "model.embed_tokens.weight",
              "model.layers.0.input_layernorm.weight",
              "model.layers.0.self_attn.qkv_proj.weight",
              "model.layers.0.mlp.down_proj.weight");
      assertThat(Tensors.get(tensors, "model.layers.0.input_layernorm.weight").shape())
          .isEqualTo(Shape.of(16));
      Tensor qkv = Tensors.get(tensors, "model.layers.0.self_attn.qkv_proj.weight");
      assertThat(qkv.encoding().name()).isEqualTo("UINT4G8");
      assertThat(qkv.shape()).isEqualTo(Shape.of(48, 16));
      // nibble 9 of row 1 belongs to its second group
      int code = 192 + 8 + 4;
      float expected = (byteAt(code) >> 4) - (byteAt(576 + 1) >> 4);
      float scale = Float.float16ToFloat((short) (byteAt(640 + 6) | byteAt(640 + 7) << 8));
      assertThat(Tensors.values(tensors, "model.layers.0.self_attn.qkv_proj.weight")[16 + 9])
          .isEqualTo(expected * scale);
    }
  }

  private static int byteAt(int offset) {
    return offset * 37 & 0x3F;
  }

  /** With one group a row, every other row's zero point begins in the middle of a byte. */
  @Test
  void readsZeroPointsThatBeginNoByte() {
    OpenvinoFiles.write(
        folder,
        OpenvinoFiles.GRAPH
            .replace("48, 2, 8", "48, 16")
            .replace("48, 2, 1", "48, 1")
            .replace("offset=\"576\" size=\"48\"", "offset=\"576\" size=\"24\"")
            .replace("offset=\"640\" size=\"192\"", "offset=\"640\" size=\"96\"")
            .getBytes(StandardCharsets.UTF_8));
    try (Checkpoint model = Sources.open(folder)) {
      float[] values = Tensors.values(model.tensors(), "model.layers.0.self_attn.qkv_proj.weight");
      for (int row = 0; row < 48; row++) {
        int zero = byteAt(576 + row / 2) >> 4 * (row % 2) & 0xF;
        float scale =
            Float.float16ToFloat((short) (byteAt(640 + 2 * row) | byteAt(641 + 2 * row) << 8));
        assertThat(values[16 * row])
            .as("row %d", row)
            .isEqualTo(((byteAt(192 + 8 * row) & 0xF) - zero) * scale);
      }
    }
  }

  /** AWQ divides columns by factors, and multiplies what comes in by them. */
  @Test
  void multipliesColumnsByTheFactorsOfAwq() {
    OpenvinoFiles.write(folder, "", "");
    float[] plain;
    try (Checkpoint model = Sources.open(folder)) {
      plain = Tensors.values(model.tensors(), "model.layers.0.self_attn.qkv_proj.weight");
    }
    OpenvinoFiles.write(folder, NORM, NORM.replace("Multiply_1", "Multiply_1/awq_mul"));
    try (Checkpoint model = Sources.open(folder)) {
      float[] scaled = Tensors.values(model.tensors(), "model.layers.0.self_attn.qkv_proj.weight");
      Tensor qkv = Tensors.get(model.tensors(), "model.layers.0.self_attn.qkv_proj.weight");
      float[] row = new float[16];
      qkv.slice("rows", 20, 2).read(1, 1, row, 0);
      for (int i = 0; i < 16; i++) {
        int at = 128 + 4 * i;
        int bits = byteAt(at) | byteAt(at + 1) << 8 | byteAt(at + 2) << 16 | byteAt(at + 3) << 24;
        assertThat(scaled[21 * 16 + i])
            .isEqualTo(plain[21 * 16 + i] * Float.intBitsToFloat(bits))
            .isEqualTo(row[i]);
      }
      assertThat(model.tensors()).doesNotContainKey("model.layers.0.input_layernorm.weight");
    }
  }

  /** The export drops what is multiplied by 1, and what is added as 0. */
  @Test
  void normsThatChangeNothingAreThere() {
    OpenvinoFiles.write(
        folder,
        "</layers>",
        """
        <layer id="20" name="__module.model.norm/aten::mean/ReduceMean" type="ReduceMean" />
        <layer id="21" name="__module.model.final_layernorm/aten::layer_norm/MVN" type="MVN" />
        </layers>\
        """);
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(Tensors.values(model.tensors(), "model.norm.weight")).hasSize(16).containsOnly(1);
      assertThat(model.tensors()).doesNotContainKey("model.norm.bias");
      assertThat(Tensors.values(model.tensors(), "model.final_layernorm.weight")).containsOnly(1);
      assertThat(Tensors.values(model.tensors(), "model.final_layernorm.bias"))
          .hasSize(16)
          .containsOnly(0);
    }
  }

  @Test
  void refusesEveryTruncation() {
    Path file = OpenvinoFiles.write(folder, "", "");
    byte[] valid = OpenvinoFiles.GRAPH.getBytes(StandardCharsets.UTF_8);
    Refused.whereverCut(valid, file, whole -> open());
  }

  @ParameterizedTest
  @CsvSource({
    "'offset=\"896\"',found only 1152 bytes in the file,'offset=\"900\"'",
    "'offset=\"896\"',found only 1152 bytes in the file,'offset=\"999999999999999999\"'",
    "'offset=\"896\"',found another tensor in them,'offset=\"832\"'",
    "'offset=\"896\"',found another tensor in them,'offset=\"0\"'"
  })
  void refusesDataThatIsNotThere(String text, String found, String other) {
    OpenvinoFiles.write(folder, text, other);
    Refused.asBad(folder.resolve("openvino_model.bin"), found, this::open);
  }

  @ParameterizedTest
  @CsvSource({
    "'offset=\"896\"','found 9999999999999999999','offset=\"9999999999999999999\"'",
    "'offset=\"896\"','found -1','offset=\"-1\"'",
    "'size=\"256\"','found x','size=\"x\"'",
    "'size=\"256\"','found a size of 255','size=\"255\"'",
    "'element_type=\"u4\" shape=\"48, 2, 8\"','expected 768 bytes','element_type=\"u8\" shape=\"48, 2, 8\"'",
    "'16, 4','expected 260 bytes','13, 5'",
    "'16, 4','found 16, -4','16, -4'",
    "'16, 4','found 16,','16,'",
    "'16, 4','found 1,1,1,1,1,1,1,16,4','1,1,1,1,1,1,1,16,4'",
    "'16, 4','more elements than fit','4294967296, 4294967296'",
    "'<data element_type=\"f32\" shape=\"16, 4\" offset=\"896\" size=\"256\" />','found nothing',''",
    "'id=\"16\"','layer 15 once','id=\"15\"'",
    "'id=\"16\"','as its id, found -1','id=\"-1\"'",
    "'to-layer=\"17\" to-port=\"1\"','input 0 once','to-layer=\"17\" to-port=\"0\"'",
    "'to-layer=\"17\" to-port=\"1\"','found 9999999999','to-layer=\"17\" to-port=\"9999999999\"'",
    "'name=\"norm\"','printable characters','name=\"no&#10;rm\"'",
    "'net','no element net','nets'",
    "'\"zeros\" type=\"Const\">\n   <data element_type=\"u4\" shape=\"48, 2, 1\"','[48, 2, 1], as many','\"zeros\" type=\"Const\">\n   <data element_type=\"u4\" shape=\"96, 1\"'",
    "'element_type=\"f16\" shape=\"48, 2, 1\"','[48, 2, 1], as many','element_type=\"f16\" shape=\"48, 2\"'",
    "'element_type=\"f16\"','as scales, found I16','element_type=\"i16\"'",
    "'element_type=\"u4\" shape=\"48, 2, 1\"','like the codes, found INT4','element_type=\"i4\" shape=\"48, 2, 1\"'",
    "'mlp.down_proj/','found it again','self_attn.qkv_proj/'"
  })
  void refusesWhatDoesNotFit(String text, String found, String other) {
    refuses(found, text, other);
  }

  @Test
  void refusesFactorsThatDoNotFit() {
    OpenvinoFiles.write(
        folder,
        OpenvinoFiles.GRAPH
            .replace(NORM, NORM + "/awq_mul")
            .replace("1, 1, 16", "1, 1, 8")
            .replace("size=\"64\"", "size=\"32\"")
            .getBytes(StandardCharsets.UTF_8));
    Refused.asBad(folder.resolve("openvino_model.xml"), "each of 16 columns", this::open);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<!DOCTYPE net SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE net [<!ENTITY a \"b\">]>",
        "<!-- nothing -->",
        "<![CDATA[nothing]]>"
      })
  void refusesOtherMarkupThanElements(String markup) {
    refuses("found a document type", START, markup + START);
  }

  @ParameterizedTest
  @ValueSource(strings = {"&passwd;", "\0", "<a b=1/>", "<a b=\"1\" b=\"2\"/>", "<a></b>", "<"})
  void refusesWhatIsNoXml(String text) {
    refuses("found an error in line", "<layers>", "<layers>" + text);
  }

  @Test
  void refusesOtherTextThanUtf8() {
    byte[] graph = OpenvinoFiles.GRAPH.getBytes(StandardCharsets.UTF_8);
    graph[OpenvinoFiles.GRAPH.indexOf("norm")] = (byte) 0xFF;
    Refused.asBad(OpenvinoFiles.write(folder, graph), "in UTF-8", this::open);
    byte[] wide = OpenvinoFiles.GRAPH.getBytes(StandardCharsets.UTF_16);
    Refused.asBad(OpenvinoFiles.write(folder, wide), "in UTF-8", this::open);
  }

  @Test
  void refusesMoreThanAnyGraphHolds() {
    refuses("at most 32 deep", "<layers>", "<layers>" + "<a>".repeat(31));
    refuses("characters, found a longer one", "<layers>", "<layers a='" + "a".repeat(70_000));
    refuses("characters, found a longer one", "<layers>", "<layers>" + " ".repeat(70_000));
    StringBuilder names = new StringBuilder("<layers>");
    for (int i = 0; i < 5000; i++) {
      names.append("<a").append(i).append("/>");
    }
    refuses("at most 4096 names", "<layers>", names.toString());
  }

  @ParameterizedTest
  @CsvSource({
    "'version=\"11\"','version 9','version=\"9\"'",
    "'element_type=\"i64\"','found string','element_type=\"string\"'",
    "'element_type=\"i64\"','found undefined','element_type=\"undefined\"'",
    "'type=\"Reshape\"','quantizes activations','type=\"FakeQuantize\"'",
    "'transpose_b=\"true\"','a row for each output','transpose_b=\"false\"'",
    "'__module.model.layers.0.mlp','what module','model.layers.0.mlp'",
    "'down_proj/aten::linear/MatMul','what module','down_proj'",
    "'type=\"Gather\"','no place in it','type=\"GatherND\"'",
    "'<edge from-layer=\"8\" from-port=\"1\" to-layer=\"9\" to-port=\"1\" />','as zero point',''",
    "'48, 2, 8','rows of groups','2, 24, 2, 8'",
    "'48, 2, 8','rows of groups','768'"
  })
  void refusesWhatOptimumDoesNotWrite(String text, String found, String other) {
    assertThat(OpenvinoFiles.GRAPH).contains(text);
    Refused.asUnsupported(OpenvinoFiles.write(folder, text, other), found, this::open);
  }

  @Test
  void refusesFoldersWithoutData() throws Exception {
    OpenvinoFiles.write(folder, "", "");
    java.nio.file.Files.delete(folder.resolve("openvino_model.bin"));
    Refused.asBad(folder.resolve("openvino_model.bin"), "no such file", this::open);
  }
}
