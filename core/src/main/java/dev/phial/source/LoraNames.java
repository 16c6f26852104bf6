package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tells the tensors of an adapter apart by the names that peft gives them: {@code
 * base_model.model.MODULE.lora_A.weight}, perhaps with the adapter's name before {@code weight}.
 */
final class LoraNames {
  private static final String PREFIX = "base_model.model.";

  /** Of an adapter to a linear layer; to an embedding, whose matrices lie the other way round. */
  private static final String DOWN = "lora_A";

  private static final String UP = "lora_B";
  private static final String EMBEDDING_UP = "lora_embedding_A";
  private static final String EMBEDDING_DOWN = "lora_embedding_B";
  private static final String MAGNITUDES = "lora_magnitude_vector";
  private static final Set<String> KINDS =
      Set.of(DOWN, UP, EMBEDDING_UP, EMBEDDING_DOWN, MAGNITUDES);

  private final Path file;
  private final Map<String, Parts> modules = new LinkedHashMap<>();
  private final Map<String, Tensor> whole = new LinkedHashMap<>();

  private LoraNames(Path file) {
    this.file = file;
  }

  /** What there is of one module. */
  private static final class Parts {
    private @Nullable Tensor up;
    private @Nullable Tensor down;
    private @Nullable Tensor magnitudes;
  }

  /**
   * A low-rank change to a module.
   *
   * @param up {@code [rows, rank]}
   * @param down {@code [rank, columns]}
   * @param magnitudes {@code [rows]}
   */
  record Pair(String module, Tensor up, Tensor down, Optional<Tensor> magnitudes) {}

  /**
   * @throws dev.phial.PhialException.BadInput if a name is none that peft gives, or comes twice
   */
  static LoraNames of(Path file, Map<String, Tensor> tensors) {
    LoraNames names = new LoraNames(file);
    tensors.forEach(names::add);
    return names;
  }

  /** Whether a tensor belongs to the adapter of a name, in a checkpoint that holds several. */
  static boolean isOf(String adapter, String tensor) {
    return KINDS.stream().anyMatch(kind -> tensor.contains(".%s.%s.".formatted(kind, adapter)));
  }

  private void add(String name, Tensor tensor) {
    String plain = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
    List<String> words = new ArrayList<>(Arrays.asList(plain.split("\\.", -1)));
    int at = 0;
    while (at < words.size() && !KINDS.contains(words.get(at))) {
      at++;
    }
    if (at == words.size()) {
      addWhole(words, tensor);
      return;
    }
    String kind = words.get(at);
    String last = words.getLast();
    if (last.equals("bias") || words.size() - at > 3) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected the matrices of an adapter, found another part of one; merge it into its model with peft (merge_and_unload)",
          name);
    }
    Parts parts =
        modules.computeIfAbsent(String.join(".", words.subList(0, at)), module -> new Parts());
    boolean isMagnitude = kind.equals(MAGNITUDES);
    int rank = isMagnitude ? 1 : 2;
    if (tensor.shape().rank() != rank) {
      throw Refusal.bad(
          file,
          "tensor %s: expected %s, found shape %s",
          name,
          isMagnitude ? "a vector" : "a matrix",
          tensor.shape());
    }
    boolean isNew =
        switch (kind) {
          case DOWN -> parts.down == null;
          case EMBEDDING_DOWN -> parts.down == null;
          case MAGNITUDES -> parts.magnitudes == null;
          default -> parts.up == null;
        };
    if (!isNew) {
      throw Refusal.bad(
          file, "tensor %s: expected one adapter, found parts of another; name one", name);
    }
    switch (kind) {
      case DOWN -> parts.down = tensor;
      case EMBEDDING_DOWN -> parts.down = tensor.transposed();
      case UP -> parts.up = tensor;
      case EMBEDDING_UP -> parts.up = tensor.transposed();
      default -> parts.magnitudes = tensor;
    }
  }

  /** A parameter that was trained as a whole, and takes the place of the model's. */
  private void addWhole(List<String> words, Tensor tensor) {
    if (words.contains("original_module")) {
      return; // the one it was trained from
    }
    int saved = words.indexOf("modules_to_save");
    if (saved >= 0) {
      words.subList(saved, Math.max(saved + 1, words.size() - 1)).clear();
    }
    words.removeIf("base_layer"::equals);
    whole.put(String.join(".", words), tensor);
  }

  /** The parameters that take the place of the model's, by its names. */
  Map<String, Tensor> whole() {
    return whole;
  }

  /**
   * Every module's pair.
   *
   * @throws dev.phial.PhialException.BadInput if one of the two is missing
   */
  List<Pair> pairs() {
    List<Pair> pairs = new ArrayList<>();
    modules.forEach((module, parts) -> {
      Tensor up = parts.up;
      Tensor down = parts.down;
      if (up == null || down == null) {
        throw Refusal.bad(
            file,
            "module %s: expected both matrices of a low-rank change, found %s alone; was the file cut off?",
            module,
            up != null ? UP : down != null ? DOWN : MAGNITUDES);
      }
      pairs.add(new Pair(module, up, down, Optional.ofNullable(parts.magnitudes)));
    });
    return pairs;
  }
}
