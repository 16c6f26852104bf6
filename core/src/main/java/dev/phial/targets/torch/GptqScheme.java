package dev.phial.targets.torch;

import dev.phial.io.Json;
import dev.phial.io.LittleEndian;
import dev.phial.model.ModelDescription;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.WordCodes;
import dev.phial.quant.method.AutoRound;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.tensor.Coding;
import dev.phial.tensor.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/**
 * Symmetric codes in the first version of GPTQ's layout, which all readers know, with scales as
 * auto-round chooses them. Zero points lie in the middle; they are stored less one.
 *
 * @param bits 4 or 8
 * @param size elements that share a scale
 */
record GptqScheme(int bits, int size) implements Scheme {
  private static final int CHUNK = 1 << 14; // words that are written at a time

  @Override
  public int inputs() {
    return size;
  }

  /** A word holds zero points of so many rows. */
  @Override
  public int outputs() {
    return Integer.SIZE / bits;
  }

  @Override
  public boolean isHalf() {
    return true;
  }

  @Override
  public String label() {
    return bits + (size == PackedTarget.USUAL_SIZE ? "" : "-g" + size);
  }

  @Override
  public TorchTensor tensor(Linear linear) {
    GroupInt format =
        new GroupInt(
            bits, size, FloatType.F16, new AutoRound(bits, true, linear.number()), linear.number());
    PlannedTensor planned = linear.planned(format);
    long groups = linear.inputs() / size;
    long words = (long) linear.inputs() * bits / Integer.SIZE;
    Entry codes = linear.entry(".qweight", DType.I32, words, linear.outputs());
    Entry scales = linear.entry(".scales", DType.F16, groups, linear.outputs());
    Entry zeros =
        linear.entry(".qzeros", DType.I32, groups, linear.outputs() * bits / Integer.SIZE);
    Entry order = linear.entry(".g_idx", DType.I32, linear.inputs());
    return new TorchTensor(
        planned,
        Transposed.gptq(planned, format, codes, scales),
        Map.of(zeros, middle(zeros.shape().elements()), order, order(linear.inputs())));
  }

  /** The middle, less one, in every code of every word. */
  private Content middle(long words) {
    int one = WordCodes.ones(bits);
    int word = (one << bits - 1) - one;
    return (slot, out) -> {
      byte[] bytes = new byte[CHUNK * Integer.BYTES];
      for (int i = 0; i < CHUNK; i++) {
        LittleEndian.putInt(bytes, i * Integer.BYTES, word);
      }
      for (long done = 0; done < words; done += CHUNK) {
        int count = (int) Math.min(CHUNK, words - done);
        out.write(slot, Arrays.copyOf(bytes, count * Integer.BYTES), done * Integer.BYTES);
      }
    };
  }

  private Content order(int columns) {
    byte[] bytes = new byte[columns * Integer.BYTES];
    for (int i = 0; i < columns; i++) {
      LittleEndian.putInt(bytes, i * Integer.BYTES, i / size);
    }
    return Content.of(bytes);
  }

  @Override
  public List<Coding> codings(Coding from) {
    int middle = 1 << bits - 1;
    return List.of(new Coding(size, -middle, middle - 1, Coding.Offset.NONE));
  }

  @Override
  public ObjectNode config(ModelDescription model) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    if (model.hyperparameters().experts().count() > 0) {
      json.putObject("dynamic")
          .putObject("-:.*block_sparse_moe\\.gate"); // as gptqmodel leaves one out
    }
    return json.put("bits", bits)
        .put("checkpoint_format", "gptq")
        .put("desc_act", false)
        .put("group_size", size)
        .put("lm_head", false)
        .put("quant_method", "gptq")
        .put("sym", true)
        .put("true_sequential", false);
  }
}
