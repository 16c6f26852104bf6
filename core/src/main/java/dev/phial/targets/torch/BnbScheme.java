package dev.phial.targets.torch;

import dev.phial.io.Json;
import dev.phial.io.LittleEndian;
import dev.phial.model.ModelDescription;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.BitsandbytesInt8;
import dev.phial.quant.BitsandbytesScales;
import dev.phial.quant.GroupFloat;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.tensor.Coding;
import dev.phial.tensor.DType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/** What bitsandbytes makes of linear layers, on a CPU and without double quantization. */
record BnbScheme(Kind kind) implements Scheme {
  private static final int SIZE = 64;

  enum Kind {
    /** Quantiles of a normal distribution in blocks of 64. */
    NF4,
    /** Codes of 8 bits, one scale a row. */
    INT8;

    String precision() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Override
  public int inputs() {
    return kind == Kind.NF4 ? SIZE : 1;
  }

  @Override
  public String label() {
    return kind.precision();
  }

  @Override
  public TorchTensor tensor(Linear linear) {
    return switch (kind) {
      case NF4 -> quantiles(linear);
      case INT8 -> integers(linear);
    };
  }

  private static TorchTensor quantiles(Linear linear) {
    GroupFloat format = new GroupFloat(SIZE, BitsandbytesScales.NF4, linear.number());
    PlannedTensor planned = linear.planned(format);
    long numbers = linear.shape().elements();
    byte[] table = LittleEndian.floats(GroupFloat.Values.NF4.table());
    byte[] state = state(linear).getBytes(StandardCharsets.UTF_8);
    Entry codes = linear.entry(".weight", DType.U8, numbers / 2, 1);
    Entry scales = linear.entry(".weight.absmax", DType.F32, numbers / SIZE);
    Entry map = linear.entry(".weight.quant_map", DType.F32, table.length / Float.BYTES);
    Entry json = linear.entry(".weight.quant_state.bitsandbytes__nf4", DType.U8, state.length);
    return new TorchTensor(
        planned,
        RowStore.of(planned, 0, format.scaleBytes(), scales)
            .and(SwappedNibbles.of(planned, format, codes)),
        Map.of(map, Content.of(table), json, Content.of(state)));
  }

  /** As Python's {@code json.dumps} writes it. */
  private static String state(Linear linear) {
    return "{\"quant_type\": \"nf4\", \"blocksize\": %d, \"dtype\": \"%s\", \"shape\": [%d, %d]}"
        .formatted(SIZE, linear.number().word(), linear.outputs(), linear.inputs());
  }

  private static TorchTensor integers(Linear linear) {
    BitsandbytesInt8 format = new BitsandbytesInt8(linear.inputs());
    PlannedTensor planned = linear.planned(format);
    Entry codes = linear.entry(".weight", DType.I8, linear.outputs(), linear.inputs());
    Entry magnitudes = linear.entry(".SCB", DType.F32, linear.outputs());
    Entry order = linear.entry(".weight_format", DType.U8);
    return new TorchTensor(
        planned,
        RowStore.of(planned, Float.BYTES, codes, magnitudes),
        Map.of(order, Content.of(new byte[1]))); // row by row
  }

  @Override
  public List<Coding> codings(Coding from) {
    return List.of();
  }

  @Override
  public ObjectNode config(ModelDescription model) {
    boolean isFour = kind == Kind.NF4;
    return Json.MAPPER
        .createObjectNode()
        .put("_load_in_4bit", isFour)
        .put("_load_in_8bit", !isFour)
        .put("bnb_4bit_compute_dtype", isFour ? "bfloat16" : "float32")
        .put("bnb_4bit_quant_storage", "uint8")
        .put("bnb_4bit_quant_type", isFour ? "nf4" : "fp4")
        .put("bnb_4bit_use_double_quant", false)
        .put("llm_int8_enable_fp32_cpu_offload", false)
        .put("llm_int8_has_fp16_weight", false)
        .putNull("llm_int8_skip_modules")
        .put("llm_int8_threshold", 6.0)
        .put("load_in_4bit", isFour)
        .put("load_in_8bit", !isFour)
        .put("quant_method", "bitsandbytes");
  }
}
