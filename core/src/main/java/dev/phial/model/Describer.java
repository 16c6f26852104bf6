package dev.phial.model;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Folder;
import dev.phial.source.Naming;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Matches the tensors of a checkpoint with the name table of its family. */
final class Describer {
  /** Buffers that old checkpoints saved beside the parameters; they follow from config.json. */
  private static final List<String> DERIVED =
      List.of(".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq");

  private final Path path;
  private final Family family;
  private final Hyperparameters hyperparameters;
  private final Map<String, TensorName> names = new HashMap<>();
  private final List<Weight> weights = new ArrayList<>();
  private final Set<String> found = new HashSet<>();

  private Describer(
      Checkpoint checkpoint, Family family, Hyperparameters hyperparameters, Naming naming) {
    this.path = checkpoint.path();
    this.family = family;
    this.hyperparameters = hyperparameters;
    for (TensorName name : family.names()) {
      names.put(naming == Naming.GGUF ? name.gguf() : name.huggingFace(), name);
    }
    if (naming == Naming.GGUF) {
      addFactors(Role.ROPE_FACTORS_LONG, "rope_factors_long");
      addFactors(Role.ROPE_FACTORS_SHORT, "rope_factors_short");
    }
  }

  private void addFactors(Role role, String name) {
    names.put(name, TensorName.of(role, "", name, h -> Shape.of(h.rope().dimensions() / 2)));
  }

  static ModelDescription describe(Family family, Checkpoint checkpoint) {
    Hyperparameters hyperparameters = hyperparameters(family, checkpoint);
    Describer describer = new Describer(checkpoint, family, hyperparameters, checkpoint.naming());
    Map<String, Tensor> tensors = checkpoint.tensors();
    describer.addAll(
        switch (checkpoint.naming()) {
          case TRANSFORMERS -> family.sanitize(tensors);
          case ONNX -> OnnxNames.translate(checkpoint.path(), family, hyperparameters, tensors);
          case GGUF -> family.sanitizeGguf(tensors);
        });
    if (checkpoint.naming() != Naming.GGUF) {
      describer.checkComplete();
    }
    return new ModelDescription(
        family, hyperparameters, describer.weights, checkpoint.activations());
  }

  private static Hyperparameters hyperparameters(Family family, Checkpoint checkpoint) {
    Hyperparameters hyperparameters =
        checkpoint
            .folder()
            .map(folder -> family.hyperparameters(folder.config()))
            .or(() -> checkpoint.gguf().map(family::hyperparameters))
            .orElseThrow();
    check(checkpoint, hyperparameters);
    return hyperparameters;
  }

  /** The weights of one description as the configuration of another folder has them. */
  static ModelDescription describe(Family family, Checkpoint checkpoint, ModelDescription model) {
    Hyperparameters hyperparameters = hyperparameters(family, checkpoint);
    Path file = checkpoint.folder().map(Folder::config).orElseThrow().file();
    if (!family.name().equals(model.family().name())
        || hyperparameters.layers() != model.hyperparameters().layers()) {
      throw new PhialException.BadInput(
          "%s: expected the configuration of a %s model with %d layers, found %s with %d; pass the checkpoint that the model was made from"
              .formatted(
                  file,
                  model.family().name(),
                  model.hyperparameters().layers(),
                  family.name(),
                  hyperparameters.layers()));
    }
    Describer describer = new Describer(checkpoint, family, hyperparameters, Naming.TRANSFORMERS);
    for (Weight weight : model.weights()) {
      if (weight.role() == Role.ROPE_FACTORS_LONG || weight.role() == Role.ROPE_FACTORS_SHORT) {
        continue; // config.json has them
      }
      Shape shape = weight.name().shape().apply(hyperparameters);
      if (weight.part() == Part.WEIGHT
          && !weight.name().isPrefix()
          && !weight.shape().equals(shape)) {
        throw new PhialException.BadInput(
            "%s: tensor %s: expected shape %s, which is what %s says, found %s; pass the checkpoint that the model was made from"
                .formatted(
                    weight.slices().getFirst().file(),
                    weight.slices().getFirst().name(),
                    shape,
                    file,
                    weight.shape()));
      }
      describer.weights.add(weight);
      describer.found.add(weight.role() + " " + weight.layer() + " " + weight.part());
    }
    describer.checkComplete();
    return new ModelDescription(family, hyperparameters, describer.weights, model.activations());
  }

  private static void check(Checkpoint checkpoint, Hyperparameters h) {
    if (h.attention().heads() % h.attention().keyValueHeads() != 0) {
      throw new PhialException.BadInput(
          "%s: expected key-value heads that share the heads evenly, found %d heads, %d key-value heads"
              .formatted(checkpoint.path(), h.attention().heads(), h.attention().keyValueHeads()));
    }
    if ((long) h.attention().heads() * h.attention().headSize() > 1 << 24) {
      throw new PhialException.BadInput(
          "%s: expected the size of a model, found %d heads of %d dimensions"
              .formatted(checkpoint.path(), h.attention().heads(), h.attention().headSize()));
    }
    if (h.rope().dimensions() < 2 || h.rope().dimensions() > h.attention().headSize()) {
      throw new PhialException.BadInput(
          "%s: expected between 2 and all %d dimensions of a head to be rotated, found %d"
              .formatted(checkpoint.path(), h.attention().headSize(), h.rope().dimensions()));
    }
    if (!(h.normEpsilon() >= 0 && h.normEpsilon() < 1)
        || !(h.rope().theta() > 0 && h.rope().theta() < Double.POSITIVE_INFINITY)) {
      throw new PhialException.BadInput(
          "%s: expected a norm epsilon from 0 to 1 and a rope base above 0, found %s and %s"
              .formatted(checkpoint.path(), h.normEpsilon(), h.rope().theta()));
    }
    if (h.experts().count() > 0
        && (h.experts().used() < 1 || h.experts().used() > h.experts().count())) {
      throw new PhialException.BadInput(
          "%s: expected between 1 and all %d experts to be used for a token, found %d"
              .formatted(checkpoint.path(), h.experts().count(), h.experts().used()));
    }
    if (h.layers() > 1 << 16 || h.experts().count() > 1 << 12) {
      throw new PhialException.BadInput(
          "%s: expected the size of a model, found %d layers and %d experts"
              .formatted(checkpoint.path(), h.layers(), h.experts().count()));
    }
  }

  private void addAll(Map<String, Tensor> tensors) {
    Map<String, Tensor> experts = new HashMap<>(); // of the layers that are not complete yet
    Map<Integer, Integer> expertsOfLayer = new HashMap<>();
    List<TensorName> expertNames = family.names().stream().filter(TensorName::isPerExpert).toList();
    Set<Match> seen = new HashSet<>();
    tensors.forEach((name, tensor) -> {
      if (DERIVED.stream().anyMatch(name::endsWith)) {
        return;
      }
      Match match = match(name);
      if (!seen.add(match) && !match.name.isPrefix()) {
        throw new PhialException.BadInput(
            "%s: tensor %s: expected it once, found it again under another spelling"
                .formatted(tensor.file(), name));
      }
      if (match.expert < 0) {
        add(match, tensor, List.of(tensor));
        return;
      }
      checkShape(tensor, match.name.shape().apply(hyperparameters), true);
      experts.put(name, tensor);
      // a stack is written where its layer's last expert stands
      if (expertsOfLayer.merge(match.layer, 1, Integer::sum)
          == hyperparameters.experts().count() * expertNames.size()) {
        for (TensorName expertName : expertNames) {
          addStack(expertName, match.layer, experts);
        }
      }
    });
  }

  private void addStack(TensorName name, int layer, Map<String, Tensor> experts) {
    List<Tensor> slices = new ArrayList<>();
    for (int expert = 0; expert < hyperparameters.experts().count(); expert++) {
      String one =
          name.huggingFace(layer, Part.WEIGHT).replaceFirst("\\{}", Integer.toString(expert));
      Tensor slice = experts.get(one);
      if (slice == null) {
        throw missing(one);
      }
      if (!slices.isEmpty()
          && !slice.encoding().name().equals(slices.getFirst().encoding().name())) {
        throw new PhialException.BadInput(
            "%s: tensor %s: expected %s like the other experts, found %s"
                .formatted(
                    slice.file(),
                    one,
                    slices.getFirst().encoding().name(),
                    slice.encoding().name()));
      }
      slices.add(slice);
    }
    add(new Match(name, layer, -1, Part.WEIGHT), slices.getFirst(), slices);
  }

  private void add(Match match, Tensor first, List<Tensor> slices) {
    Shape shape = match.name.shape().apply(hyperparameters);
    if (match.name.isPrefix()) {
      shape = first.shape();
    } else if (match.part == Part.BIAS) {
      shape = Shape.of(shape.rank() == 1 ? shape.columns() : shape.rows());
      checkShape(first, shape, false);
    } else {
      checkShape(first, shape, slices.size() > 1);
    }
    weights.add(new Weight(match.name, match.layer, match.part, shape, slices));
    found.add(match.name.role() + " " + match.layer + " " + match.part);
  }

  /**
   * A tensor must have the shape that its role has; one expert's, that shape without the experts.
   */
  private void checkShape(Tensor tensor, Shape shape, boolean oneExpert) {
    List<Long> expected =
        oneExpert ? shape.dimensions().subList(1, shape.rank()) : shape.dimensions();
    if (!tensor.shape().dimensions().equals(expected)) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected shape %s, which is what the configuration says, found %s"
              .formatted(tensor.file(), tensor.name(), expected, tensor.shape()));
    }
  }

  private record Match(TensorName name, int layer, int expert, Part part) {}

  /** {@code model.layers.3.mlp.experts.7.w1.weight} → its row, layer 3, expert 7, weight. */
  private Match match(String name) {
    Part part =
        Arrays.stream(Part.values())
            .filter(p -> name.endsWith(p.suffix()))
            .findFirst()
            .orElse(Part.WEIGHT);
    String[] words =
        name.substring(
                0, name.length() - (name.endsWith(part.suffix()) ? part.suffix().length() : 0))
            .split("\\.", -1);
    int layer = -1;
    int expert = -1;
    for (int i = 0; i < words.length; i++) {
      if (!words[i].matches("\\d{1,6}")) {
        continue;
      }
      if (layer < 0) {
        layer = Integer.parseInt(words[i]);
      } else {
        expert = Integer.parseInt(words[i]);
      }
      words[i] = "{}";
    }
    TensorName row = row(name, String.join(".", words));
    if (row.isPrefix()) {
      return new Match(row, -1, -1, part);
    }
    if (layer >= hyperparameters.layers()
        || expert >= Math.max(1, hyperparameters.experts().count())) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected %d layers and %d experts, which is what the configuration says, found more"
              .formatted(path, name, hyperparameters.layers(), hyperparameters.experts().count()));
    }
    return new Match(row, layer, expert, part);
  }

  private TensorName row(String name, String stem) {
    @Nullable TensorName row = names.get(stem);
    if (row == null) {
      row =
          family.names().stream()
              .filter(n -> n.isPrefix() && name.startsWith(n.huggingFace().replace("*", "")))
              .findFirst()
              .orElse(null);
    }
    if (row == null) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected the parameters of a %s model, found one that has no place in it; is it a fine-tune with additions, or an adapter?"
              .formatted(path, name, family.name()));
    }
    return Objects.requireNonNull(row);
  }

  private void checkComplete() {
    for (TensorName name : family.names()) {
      if (name.isPrefix() || name.role() == Role.OUTPUT && hyperparameters.tied()) {
        continue;
      }
      int layers = name.isPerLayer() ? hyperparameters.layers() : 1;
      for (int layer = 0; layer < layers; layer++) {
        int at = name.isPerLayer() ? layer : -1;
        if (!found.contains(name.role() + " " + at + " " + Part.WEIGHT)) {
          throw missing(name.huggingFace(at, Part.WEIGHT));
        }
      }
    }
  }

  private PhialException missing(String name) {
    return new PhialException.BadInput(
        "%s: expected a tensor %s, found none; is a shard missing, or does config.json belong to another model?"
            .formatted(path, name));
  }
}
