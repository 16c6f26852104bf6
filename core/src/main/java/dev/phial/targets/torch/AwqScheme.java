package dev.phial.targets.torch;

import dev.phial.io.Json;
import dev.phial.model.ModelDescription;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.method.AutoRound;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.tensor.Coding;
import dev.phial.tensor.DType;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Codes of 4 bits with zero points in AutoAWQ's layout for GEMM, with scales as auto-round chooses
 * them.
 *
 * @param size elements that share a scale
 */
record AwqScheme(int size) implements Scheme {
  private static final int BITS = 4;

  @Override
  public int inputs() {
    return size;
  }

  /** A word holds codes of so many rows. */
  @Override
  public int outputs() {
    return Integer.SIZE / BITS;
  }

  @Override
  public boolean isHalf() {
    return true;
  }

  @Override
  public String label() {
    return BITS + (size == PackedTarget.USUAL_SIZE ? "" : "-g" + size);
  }

  @Override
  public TorchTensor tensor(Linear linear) {
    GroupInt format =
        new GroupInt(
            BITS,
            size,
            FloatType.F16,
            new AutoRound(BITS, false, linear.number()),
            linear.number());
    PlannedTensor planned = linear.planned(format);
    long groups = linear.inputs() / size;
    long words = linear.outputs() * BITS / Integer.SIZE;
    Entry codes = linear.entry(".qweight", DType.I32, linear.inputs(), words);
    Entry zeros = linear.entry(".qzeros", DType.I32, groups, words);
    Entry scales = linear.entry(".scales", DType.F16, groups, linear.outputs());
    return new TorchTensor(planned, Transposed.awq(planned, format, codes, zeros, scales));
  }

  @Override
  public List<Coding> codings(Coding from) {
    return List.of(new Coding(size, 0, 15, Coding.Offset.ZERO_POINT));
  }

  @Override
  public ObjectNode config(ModelDescription model) {
    ObjectNode json = Json.MAPPER.createObjectNode().put("bits", BITS).put("group_size", size);
    ArrayNode numbers = json.putArray("modules_to_not_convert").add("lm_head");
    if (model.hyperparameters().experts().count() > 0) {
      numbers.add("block_sparse_moe.gate");
    }
    return json.put("quant_method", "awq").put("version", "gemm").put("zero_point", true);
  }
}
