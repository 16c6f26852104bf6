package dev.phial.model;

import dev.phial.PhialException;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gives the tensors of an ONNX graph the names and shapes of a checkpoint. The graphs of all
 * families share their names; projections are fused or cut apart as a provider likes it.
 */
final class OnnxNames {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path path;
  private final Family family;
  private final Hyperparameters h;
  private final Map<String, Tensor> left; // that have no place yet
  private final Map<String, Tensor> result = new LinkedHashMap<>();

  private OnnxNames(Path path, Family family, Hyperparameters h, Map<String, Tensor> tensors) {
    this.path = path;
    this.family = family;
    this.h = h;
    this.left = new LinkedHashMap<>(tensors);
  }

  /** The tensors as the family's checkpoints have them; what has no place keeps its name. */
  static Map<String, Tensor> translate(
      Path path, Family family, Hyperparameters h, Map<String, Tensor> tensors) {
    return new OnnxNames(path, family, h, tensors).translate();
  }

  private Map<String, Tensor> translate() {
    for (TensorName name : family.names()) {
      int layers = name.isPerLayer() ? h.layers() : 1;
      for (int layer = 0; layer < layers; layer++) {
        for (Part part : Part.values()) {
          add(name, name.isPerLayer() ? layer : -1, part);
        }
      }
    }
    left.keySet().removeIf(name -> name.contains(".attn.qkv_proj.") || isSharedStack(name));
    result.putAll(left);
    return result;
  }

  /** Whether more than one parameter was cut out of a tensor. */
  private static boolean isSharedStack(String name) {
    return name.contains(".moe.experts.");
  }

  private void add(TensorName name, int layer, Part part) {
    String attention = "model.layers.%d.attn.".formatted(layer);
    String mlp = "model.layers.%d.mlp.".formatted(layer);
    String moe = "model.layers.%d.moe.".formatted(layer);
    long queries = h.attention().querySize();
    long keys = h.attention().keyValueSize();
    switch (name.role()) {
      case TOKEN_EMBEDDING -> take(name, layer, part, "model.embed_tokens");
      case OUTPUT -> take(name, layer, part, "lm_head");
      case OUTPUT_NORM ->
          take(name, layer, part, "model.layers.%d.final_norm_layernorm".formatted(h.layers()));
      case ATTENTION_NORM ->
          take(name, layer, part, "model.layers.%d.input_layernorm".formatted(layer));
      case FFN_NORM ->
          take(name, layer, part, "model.layers.%d.post_attention_layernorm".formatted(layer));
      case ATTENTION_QKV -> {
        if (h.attention().interleaved()) {
          interleave(name, layer, part, attention + "qkv_proj");
          return;
        }
        take(name, layer, part, attention + "qkv_proj");
        join(
            name,
            layer,
            part,
            List.of(attention + "q_proj", attention + "k_proj", attention + "v_proj"),
            List.of(queries, keys, keys));
      }
      case ATTENTION_Q -> {
        take(name, layer, part, attention + "q_proj");
        cut(name, layer, part, attention + "qkv_proj", 0, queries);
      }
      case ATTENTION_K -> {
        take(name, layer, part, attention + "k_proj");
        cut(name, layer, part, attention + "qkv_proj", queries, keys);
      }
      case ATTENTION_V -> {
        take(name, layer, part, attention + "v_proj");
        cut(name, layer, part, attention + "qkv_proj", queries + keys, keys);
      }
      case ATTENTION_OUTPUT -> take(name, layer, part, attention + "o_proj");
      case FFN_UP -> take(name, layer, part, mlp + "fc1");
      case FFN_GATE_UP -> {
        if (h.gegeluLimit().isPresent()) {
          take(name, layer, part, mlp + "up_proj");
        } else {
          join(
              name,
              layer,
              part,
              List.of(mlp + "gate_proj", mlp + "up_proj"),
              List.of((long) h.feedForward(), (long) h.feedForward()));
        }
      }
      case FFN_DOWN -> {
        take(name, layer, part, mlp + "down_proj");
        take(name, layer, part, mlp + "fc2");
      }
      case ROUTER -> take(name, layer, part, moe + "gate");
      case EXPERT_GATE -> experts(name, layer, part, moe + "experts.gate_up_proj", 2, 0);
      case EXPERT_UP -> experts(name, layer, part, moe + "experts.gate_up_proj", 2, 1);
      case EXPERT_DOWN -> experts(name, layer, part, moe + "experts.down_proj", 1, 0);
      default -> {}
    }
  }

  /** A tensor under another name. */
  private void take(TensorName name, int layer, Part part, String onnx) {
    Tensor tensor = left.remove(onnx + part.suffix());
    if (tensor != null) {
      put(name.huggingFace(layer, part), tensor);
    }
  }

  private void put(String name, Tensor tensor) {
    result.put(name, tensor.withName(name));
  }

  /** Some rows of a fused projection, or elements of its bias; the rest is for others. */
  private void cut(TensorName name, int layer, Part part, String onnx, long first, long rows) {
    Tensor fused = left.get(onnx + part.suffix());
    if (fused == null) {
      return;
    }
    expectRows(fused, part, h.attention().querySize() + 2L * h.attention().keyValueSize());
    String to = name.huggingFace(layer, part);
    put(
        to,
        part == Part.WEIGHT
            ? fused.slice(to, first, rows)
            : vector(
                fused,
                to,
                java.util.Arrays.copyOfRange(values(fused), (int) first, (int) (first + rows))));
  }

  /** Queries, keys and values one below the other; Phi-3-small has each key after its queries. */
  private void interleave(TensorName name, int layer, Part part, String onnx) {
    Tensor fused = left.remove(onnx + part.suffix());
    if (fused == null) {
      return;
    }
    expectRows(fused, part, h.attention().querySize() + 2L * h.attention().keyValueSize());
    String to = name.huggingFace(layer, part);
    int group = h.attention().heads() / h.attention().keyValueHeads();
    int size = h.attention().headSize();
    float[] bias = part == Part.BIAS ? values(fused) : new float[0];
    float[] placed = new float[bias.length];
    List<Tensor> heads = new ArrayList<>();
    int at = 0;
    for (int head = 0; head < h.attention().keyValueHeads(); head++) {
      int key = h.attention().querySize() + head * size;
      int[] from = {head * group * size, key, key + h.attention().keyValueSize()};
      int[] rows = {group * size, size, size};
      for (int i = 0; i < from.length; i++, at += rows[i - 1]) {
        if (part == Part.BIAS) {
          System.arraycopy(bias, from[i], placed, at, rows[i]);
        } else {
          heads.add(fused.slice(to, from[i], rows[i]));
        }
      }
    }
    put(to, part == Part.BIAS ? vector(fused, to, placed) : Tensor.stack(to, heads));
  }

  /**
   * Projections that a checkpoint has in one, one below the other. A bias that is all zero is not
   * in the graph.
   *
   * @param rows of each
   */
  private void join(TensorName name, int layer, Part part, List<String> onnx, List<Long> rows) {
    List<@Nullable Tensor> parts =
        onnx.stream().<@Nullable Tensor>map(n -> left.get(n + part.suffix())).toList();
    if (parts.stream().allMatch(p -> p == null)) {
      return;
    }
    String to = name.huggingFace(layer, part);
    List<Tensor> found = new ArrayList<>();
    float[] bias =
        new float[part == Part.BIAS ? Math.toIntExact(rows.stream().mapToLong(r -> r).sum()) : 0];
    int at = 0;
    for (int i = 0; i < parts.size(); i++) {
      Tensor tensor = parts.get(i);
      if (tensor != null) {
        left.remove(onnx.get(i) + part.suffix());
        expectRows(tensor, part, rows.get(i));
        if (part == Part.BIAS) {
          System.arraycopy(values(tensor), 0, bias, at, Math.toIntExact(rows.get(i)));
        }
        found.add(tensor);
      } else if (part == Part.WEIGHT) {
        throw new PhialException.BadInput(
            "%s: expected a tensor %s, found none".formatted(path, onnx.get(i) + part.suffix()));
      }
      at += Math.toIntExact(rows.get(i));
    }
    if (part == Part.BIAS) {
      put(to, vector(found.getFirst(), to, bias));
      return;
    }
    for (Tensor tensor : found) {
      if (tensor.shape().columns() != found.getFirst().shape().columns()) {
        throw wrongShape(
            tensor, Shape.of(tensor.shape().rows(), found.getFirst().shape().columns()));
      }
    }
    put(to, Tensor.stack(to, found));
  }

  /** One matrix per expert, of a stack in which gate and up projection alternate row by row. */
  private void experts(TensorName name, int layer, Part part, String onnx, int step, int first) {
    Tensor stack = part == Part.WEIGHT ? left.get(onnx + part.suffix()) : null;
    if (stack == null) {
      return;
    }
    Shape shape = name.shape().apply(h);
    long rows = shape.dimensions().get(1);
    Shape expected = Shape.of(h.experts().count(), step * rows, shape.columns());
    if (!stack.shape().equals(expected)) {
      throw wrongShape(stack, expected);
    }
    for (int expert = 0; expert < h.experts().count(); expert++) {
      String to = name.huggingFace(layer, part).replaceFirst("\\{}", Integer.toString(expert));
      long start = (long) expert * step * rows + first;
      result.put(to, step == 1 ? stack.slice(to, start, rows) : stack.every(to, start, step, rows));
    }
  }

  private void expectRows(Tensor tensor, Part part, long rows) {
    Shape shape = tensor.shape();
    Shape expected = part == Part.BIAS ? Shape.of(rows) : Shape.of(rows, shape.columns());
    if (!shape.equals(expected)) {
      throw wrongShape(tensor, expected);
    }
  }

  private PhialException wrongShape(Tensor tensor, Shape expected) {
    return new PhialException.BadInput(
        "%s: tensor %s: expected shape %s, which is what genai_config.json says, found %s"
            .formatted(tensor.file(), tensor.name(), expected, tensor.shape()));
  }

  private static float[] values(Tensor vector) {
    float[] values = new float[Math.toIntExact(vector.shape().elements())];
    vector.read(0, 1, values, 0);
    return values;
  }

  private static Tensor vector(Tensor like, String name, float[] values) {
    MemorySegment data = MemorySegment.ofArray(new byte[values.length * Float.BYTES]);
    for (int i = 0; i < values.length; i++) {
      data.set(FLOAT, (long) i * Float.BYTES, values[i]);
    }
    return new Tensor(like.file(), name, DType.F32, Shape.of(values.length), data);
  }
}
