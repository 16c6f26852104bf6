package dev.phial.model;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Config;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The encoder of images beside a text model, and the projector from one to the other.
 *
 * @param hidden width of the encoder
 * @param inner width of its feed-forward layers
 * @param layers that are computed: all but the last, which no Phi uses
 * @param patch pixels along the side of a patch
 * @param side patches along the side of the square whose positions are known
 * @param text width of the text model
 */
public record Vision(
    VisionKind kind,
    int hidden,
    int inner,
    int layers,
    int heads,
    int patch,
    int side,
    int text,
    double epsilon,
    Map<Address, Weight> weights) {
  private static final int MOST_LAYERS = 1 << 10;
  private static final int LARGEST = 1 << 14; // of its sizes: those of the published are a third
  private static final int CHANNELS = 3;

  /**
   * Which parameter of an encoder.
   *
   * @param layer from 0; -1 outside the layers
   */
  public record Address(VisionRole role, int layer, Part part) {}

  public Vision {
    weights = Map.copyOf(weights);
  }

  /**
   * The encoder of a checkpoint in the layout of the hub, if it has one.
   *
   * @throws PhialException.BadInput if a parameter is missing or of another shape than the others
   *     imply
   */
  public static Optional<Vision> of(Checkpoint checkpoint) {
    Optional<VisionKind> kind =
        Arrays.stream(VisionKind.values())
            .filter(k -> checkpoint.tensors().keySet().stream().anyMatch(k::isIn))
            .findFirst();
    return kind.map(found -> new Reader(checkpoint, found).read());
  }

  /** The width of the rows that the projector takes. */
  public long given() {
    return weight(VisionRole.PROJECTOR_UP, -1, Part.WEIGHT).shape().columns();
  }

  /** A parameter that every encoder of its kind has. */
  public Weight weight(VisionRole role, int layer, Part part) {
    return find(role, layer, part).orElseThrow();
  }

  /** A parameter, if this encoder has it. */
  public Optional<Weight> find(VisionRole role, int layer, Part part) {
    return Optional.ofNullable(weights.get(new Address(role, layer, part)));
  }

  /** Finds the parameters of one checkpoint. */
  private static final class Reader {
    private final Checkpoint checkpoint;
    private final VisionKind kind;
    private final Map<Address, Tensor> tensors = new HashMap<>();
    private final Map<Address, Weight> weights = new HashMap<>();

    Reader(Checkpoint checkpoint, VisionKind kind) {
      this.checkpoint = checkpoint;
      this.kind = kind;
      for (Tensor tensor : checkpoint.tensors().values()) {
        Optional<Address> address = kind.address(tensor.name());
        if (address.isPresent()) {
          tensors.put(address.get(), tensor);
        } else if (kind.isIn(tensor.name()) && !kind.isUnused(tensor.name())) {
          throw new PhialException.BadInput(
              "%s: tensor %s: expected the parameters of an encoder of images, found one that has no place in it"
                  .formatted(tensor.file(), tensor.name()));
        }
      }
    }

    Vision read() {
      Tensor patches = tensor(VisionRole.PATCHES, -1, Part.WEIGHT);
      int hidden = dimension(patches, 0);
      int columns = Math.toIntExact(patches.shape().elements() / hidden);
      int patch = (int) Math.sqrt(columns / (double) CHANNELS);
      int known = dimension(tensor(VisionRole.POSITIONS, -1, Part.WEIGHT), 0);
      boolean hasClass = kind == VisionKind.CLIP;
      int side = (int) Math.sqrt(known - (hasClass ? 1 : 0));
      int inner = dimension(tensor(VisionRole.FFN_UP, 0, Part.WEIGHT), 0);
      int text = dimension(tensor(VisionRole.PROJECTOR_DOWN, -1, Part.WEIGHT), 0);
      int layers = 1 + tensors.keySet().stream().mapToInt(Address::layer).max().orElse(0);
      Optional<Config> settings =
          checkpoint
              .folder()
              .flatMap(
                  folder -> folder.json("config.json")) // the folder may describe the text model
              .flatMap(config -> config.object("vision_config"));
      int heads =
          settings
              .map(s -> s.count("num_attention_heads", VisionKind.USUAL_HEADS))
              .orElse(VisionKind.USUAL_HEADS);
      double epsilon =
          settings.map(s -> s.number("layer_norm_eps", kind.epsilon())).orElse(kind.epsilon());
      if (CHANNELS * patch * patch != columns
          || side * side + (hasClass ? 1 : 0) != known
          || kind != VisionKind.NAFLEX && side % 2 != 0 // four patches become one
          || hidden % heads != 0
          || layers < 2
          || layers > MOST_LAYERS) {
        throw new PhialException.BadInput(
            "%s: expected an encoder of images in square patches, of 2 to %d layers and %d heads, found patches of shape %s, %d positions and %d layers"
                .formatted(checkpoint.path(), MOST_LAYERS, heads, patches.shape(), known, layers));
      }
      checkText(text);
      addAll(hidden, inner, text, layers, columns, known, hasClass);
      return new Vision(
          kind, hidden, inner, layers - 1, heads, patch, side, text, epsilon, weights);
    }

    /** What it gives must be what the text model takes. */
    private void checkText(int text) {
      Optional<Integer> hidden =
          checkpoint.folder().flatMap(folder -> folder.config().optionalCount("hidden_size"));
      if (hidden.isPresent() && hidden.get() != text) {
        throw new PhialException.BadInput(
            "%s: expected a projector to the %d numbers of the text model, found one to %d"
                .formatted(checkpoint.path(), hidden.get(), text));
      }
    }

    private void addAll(
        int hidden, int inner, int text, int layers, int columns, int known, boolean hasClass) {
      add(VisionRole.PATCHES, -1, Part.WEIGHT, Shape.of(hidden, columns));
      add(VisionRole.POSITIONS, -1, Part.WEIGHT, Shape.of(known, hidden));
      if (hasClass) {
        add(VisionRole.CLASS, -1, Part.WEIGHT, Shape.of(hidden));
        both(VisionRole.FIRST_NORM, -1, Shape.of(hidden));
      } else {
        add(VisionRole.PATCHES, -1, Part.BIAS, Shape.of(hidden));
      }
      for (int layer = 0; layer < layers - 1; layer++) {
        both(VisionRole.ATTENTION_NORM, layer, Shape.of(hidden));
        for (VisionRole role :
            List.of(
                VisionRole.ATTENTION_Q,
                VisionRole.ATTENTION_K,
                VisionRole.ATTENTION_V,
                VisionRole.ATTENTION_OUTPUT)) {
          both(role, layer, Shape.of(hidden, hidden));
        }
        both(VisionRole.FFN_NORM, layer, Shape.of(hidden));
        both(VisionRole.FFN_UP, layer, Shape.of(inner, hidden));
        both(VisionRole.FFN_DOWN, layer, Shape.of(hidden, inner));
      }
      int given = kind == VisionKind.CLIP ? 4 * hidden : hidden; // four patches side by side
      if (kind != VisionKind.NAFLEX) {
        add(VisionRole.SEPARATOR, -1, Part.WEIGHT, Shape.of(given));
        add(VisionRole.ROW_END, -1, Part.WEIGHT, Shape.of(given));
      }
      both(VisionRole.PROJECTOR_UP, -1, Shape.of(text, given));
      both(VisionRole.PROJECTOR_DOWN, -1, Shape.of(text, text));
    }

    private void both(VisionRole role, int layer, Shape shape) {
      add(role, layer, Part.WEIGHT, shape);
      add(role, layer, Part.BIAS, Shape.of(shape.dimensions().getFirst()));
    }

    private void add(VisionRole role, int layer, Part part, Shape shape) {
      Tensor tensor = tensor(role, layer, part);
      boolean isSame = tensor.shape().equals(shape);
      boolean hasChannelsLast = tensor.shape().rank() == 4 && dimension(tensor, 1) != CHANNELS;
      if (tensor.shape().elements() != shape.elements()
          || role == VisionRole.PATCHES && hasChannelsLast
          || shape.rank() > 1 && dimension(tensor, 0) != shape.dimensions().getFirst()
          || !isSame && !tensor.isPlain()) {
        throw new PhialException.BadInput(
            "%s: tensor %s: expected shape %s, which is what the others imply, found %s"
                .formatted(tensor.file(), tensor.name(), shape, tensor.shape()));
      }
      String module = VisionKind.module(tensor.name(), part);
      TensorName name = new TensorName(Role.VISION, module, "", h -> shape);
      weights.put(
          new Address(role, layer, part),
          new Weight(name, layer, part, shape, List.of(isSame ? tensor : tensor.reshaped(shape))));
    }

    private static int dimension(Tensor tensor, int index) {
      long size = tensor.shape().rank() > index ? tensor.shape().dimensions().get(index) : 0;
      if (size < 1 || size > LARGEST) {
        throw new PhialException.BadInput(
            "%s: tensor %s: expected the sizes of an encoder of images, found shape %s"
                .formatted(tensor.file(), tensor.name(), tensor.shape()));
      }
      return (int) size;
    }

    private Tensor tensor(VisionRole role, int layer, Part part) {
      Tensor tensor = tensors.get(new Address(role, layer, part));
      if (tensor == null) {
        throw new PhialException.BadInput(
            "%s: expected an encoder of images with %s %s%s, found none; is a shard missing?"
                .formatted(
                    checkpoint.path(),
                    role.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '),
                    part.suffix().substring(1),
                    layer < 0 ? "" : " in layer " + layer));
      }
      return tensor;
    }
  }
}
