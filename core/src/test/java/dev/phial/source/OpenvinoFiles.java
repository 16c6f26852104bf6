package dev.phial.source;

import java.nio.file.Path;

/**
 * A folder for OpenVINO as small as one can be: a layer of width 16 with a projection in groups of
 * 8 codes with zero points, and a plain one.
 */
final class OpenvinoFiles {
  static final String GRAPH =
      """
      <?xml version="1.0"?>
      <net name="Model" version="11">
       <layers>
        <layer id="0" name="input_ids" type="Parameter" version="opset1" />
        <layer id="1" name="self.model.embed_tokens.weight" type="Const" version="opset1">
         <data element_type="f32" shape="2, 16" offset="0" size="128" />
         <output><port id="0" precision="FP32"><dim>2</dim><dim>16</dim></port></output>
        </layer>
        <layer id="2" name="__module.model.embed_tokens/aten::embedding/Gather" type="Gather" />
        <layer id="3" name="norm" type="Const">
         <data element_type="f32" shape="1, 1, 16" offset="128" size="64" />
        </layer>
        <layer id="4" name="__module.model.layers.0.input_layernorm/aten::mul/Multiply_1" type="Multiply" />
        <layer id="5" name="codes" type="Const">
         <data element_type="u4" shape="48, 2, 8" offset="192" size="384" />
        </layer>
        <layer id="6" name="Convert" type="Convert" />
        <layer id="7" name="zeros" type="Const">
         <data element_type="u4" shape="48, 2, 1" offset="576" size="48" />
        </layer>
        <layer id="8" name="Convert" type="Convert" />
        <layer id="9" name="Subtract" type="Subtract" />
        <layer id="10" name="scales" type="Const">
         <data element_type="f16" shape="48, 2, 1" offset="640" size="192" />
        </layer>
        <layer id="11" name="Multiply" type="Multiply" />
        <layer id="12" name="shape" type="Const">
         <data element_type="i64" shape="2" offset="832" size="16" />
        </layer>
        <layer id="13" name="Reshape" type="Reshape" />
        <layer id="14" name="Convert" type="Convert" />
        <layer id="15" name="__module.model.layers.0.self_attn.qkv_proj/aten::linear/MatMul" type="MatMul">
         <data transpose_a="false" transpose_b="true" />
        </layer>
        <layer id="16" name="self.model.layers.0.mlp.down_proj.weight" type="Const">
         <data element_type="f32" shape="16, 4" offset="896" size="256" />
        </layer>
        <layer id="17" name="__module.model.layers.0.mlp.down_proj/aten::linear/MatMul" type="MatMul">
         <data transpose_a="false" transpose_b="true" />
        </layer>
       </layers>
       <edges>
        <edge from-layer="1" from-port="0" to-layer="2" to-port="0" />
        <edge from-layer="0" from-port="0" to-layer="2" to-port="1" />
        <edge from-layer="3" from-port="0" to-layer="4" to-port="0" />
        <edge from-layer="2" from-port="2" to-layer="4" to-port="1" />
        <edge from-layer="5" from-port="0" to-layer="6" to-port="0" />
        <edge from-layer="7" from-port="0" to-layer="8" to-port="0" />
        <edge from-layer="6" from-port="1" to-layer="9" to-port="0" />
        <edge from-layer="8" from-port="1" to-layer="9" to-port="1" />
        <edge from-layer="9" from-port="2" to-layer="11" to-port="0" />
        <edge from-layer="10" from-port="0" to-layer="11" to-port="1" />
        <edge from-layer="11" from-port="2" to-layer="13" to-port="0" />
        <edge from-layer="12" from-port="0" to-layer="13" to-port="1" />
        <edge from-layer="13" from-port="2" to-layer="14" to-port="0" />
        <edge from-layer="4" from-port="2" to-layer="15" to-port="0" />
        <edge from-layer="14" from-port="1" to-layer="15" to-port="1" />
        <edge from-layer="15" from-port="2" to-layer="17" to-port="0" />
        <edge from-layer="16" from-port="0" to-layer="17" to-port="1" />
       </edges>
      </net>\
      """;

  static final int DATA_BYTES = 1152;

  private OpenvinoFiles() {}

  /** Writes it, with another text in the place of one. */
  static Path write(Path folder, String text, String other) {
    return write(
        folder, GRAPH.replace(text, other).getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  static Path write(Path folder, byte[] graph) {
    byte[] data = new byte[DATA_BYTES];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (i * 37 & 0x3F); // no NaN in any type
    }
    Refused.write(folder.resolve("config.json"), "{}");
    Refused.write(folder.resolve("openvino_model.bin"), data);
    return Refused.write(folder.resolve("openvino_model.xml"), graph);
  }
}
