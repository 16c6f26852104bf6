package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Part;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.model.VisionRole;
import dev.phial.model.Weight;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The encoder of images of a model and its projector, bound to the weights of a checkpoint, which
 * must stay open: a transformer in which every patch sees every other. It serves one thread at a
 * time.
 */
public final class VisionEncoder {
  /** Of GELU as CLIP has it, {@code x · sigmoid(1.702 x)}. */
  private static final float QUICK = 1.702f;

  private final Vision vision;
  private final Team team;
  private final Linear patches;
  private final float[] positions;
  private final List<Layer> layers;
  private final Linear up;
  private final Linear down;
  private final Activations hidden;
  private final Activations normed;
  private final Activations queries;
  private final Activations keys;
  private final Activations values;
  private final Activations inner;

  /** One layer: attention, then a feed-forward layer. */
  private record Layer(
      Norm attentionNorm,
      Linear queries,
      Linear keys,
      Linear values,
      Linear attentionOutput,
      Norm feedForwardNorm,
      Linear up,
      Linear down) {}

  public VisionEncoder(Vision vision, Team team) {
    this.vision = vision;
    this.team = team;
    this.patches =
        new Linear(
            vision.weight(VisionRole.PATCHES, -1, Part.WEIGHT),
            -1,
            vision.find(VisionRole.PATCHES, -1, Part.BIAS).map(Model::values).orElse(null));
    this.positions = values(VisionRole.POSITIONS);
    this.layers = IntStream.range(0, vision.layers()).mapToObj(this::layer).toList();
    this.up = linear(VisionRole.PROJECTOR_UP, -1);
    this.down = linear(VisionRole.PROJECTOR_DOWN, -1);
    this.hidden = new Activations(vision.hidden());
    this.normed = new Activations(vision.hidden());
    this.queries = new Activations(vision.hidden());
    this.keys = new Activations(vision.hidden());
    this.values = new Activations(vision.hidden());
    this.inner = new Activations(vision.inner());
  }

  private Layer layer(int layer) {
    return new Layer(
        norm(VisionRole.ATTENTION_NORM, layer),
        linear(VisionRole.ATTENTION_Q, layer),
        linear(VisionRole.ATTENTION_K, layer),
        linear(VisionRole.ATTENTION_V, layer),
        linear(VisionRole.ATTENTION_OUTPUT, layer),
        norm(VisionRole.FFN_NORM, layer),
        linear(VisionRole.FFN_UP, layer),
        linear(VisionRole.FFN_DOWN, layer));
  }

  private Linear linear(VisionRole role, int layer) {
    Weight bias = vision.weight(role, layer, Part.BIAS);
    return new Linear(vision.weight(role, layer, Part.WEIGHT), -1, Model.values(bias));
  }

  private Norm norm(VisionRole role, int layer) {
    return new Norm.Layer(
        Model.values(vision.weight(role, layer, Part.WEIGHT)),
        Model.values(vision.weight(role, layer, Part.BIAS)),
        (float) vision.epsilon());
  }

  public Vision vision() {
    return vision;
  }

  /** The parameters of rows that stand for themselves. */
  public float[] values(VisionRole role) {
    return Model.values(vision.weight(role, -1, Part.WEIGHT));
  }

  /** What is added for every place, {@code [side · side][hidden]}, that of a class row first. */
  public float[] positions() {
    return positions;
  }

  /**
   * What the encoder says of the patches of one image, before its last layer.
   *
   * @param pixels {@code [count][3 · patch · patch]}
   * @param places what is added for the place of each, {@code [count][hidden]}
   * @param isSeen by all, for each
   * @return {@code [count][hidden]}
   */
  public float[] encode(float[] pixels, int count, float[] places, boolean[] isSeen) {
    team.use(MatrixKernels.best());
    boolean hasClass = vision.kind() == VisionKind.CLIP;
    int first = hasClass ? 1 : 0;
    embed(pixels, count, places, first);
    boolean[] sees = new boolean[first + count];
    System.arraycopy(isSeen, 0, sees, first, count);
    if (hasClass) {
      sees[0] = true;
      Norm norm = norm(VisionRole.FIRST_NORM, -1);
      norm.apply(hidden, normed, team);
      hidden.set(normed);
    }
    for (int layer = 0; layer < layers.size(); layer++) {
      apply(layers.get(layer), sees);
      Forward.check(hidden, layer);
    }
    return rows(hidden, first, count);
  }

  private void embed(float[] pixels, int count, float[] places, int first) {
    Activations x = activations(pixels, count, patches.columns());
    Activations embedded = new Activations(vision.hidden());
    embedded.resize(count);
    patches.apply(x, embedded, 0, team, Observer.NONE);
    hidden.resize(first + count);
    for (int i = 0; i < count; i++) {
      hidden.copy(first + i, embedded, i);
      team.kernels()
          .add(
              places, i * vision.hidden(), hidden.values(), hidden.row(first + i), vision.hidden());
    }
    if (first > 0) {
      System.arraycopy(
          values(VisionRole.CLASS), 0, hidden.values(), hidden.row(0), vision.hidden());
      team.kernels().add(positions, 0, hidden.values(), hidden.row(0), vision.hidden());
    }
  }

  private void apply(Layer layer, boolean[] sees) {
    layer.attentionNorm.apply(hidden, normed, team);
    multiply(layer.queries, normed, queries);
    multiply(layer.keys, normed, keys);
    multiply(layer.values, normed, values);
    attend(sees);
    multiply(layer.attentionOutput, normed, queries);
    add(queries);
    layer.feedForwardNorm.apply(hidden, normed, team);
    multiply(layer.up, normed, inner);
    team.forEach(inner.count(), this::activate);
    multiply(layer.down, inner, queries);
    add(queries);
  }

  private void multiply(Linear linear, Activations x, Activations y) {
    y.resize(x.count());
    linear.apply(x, y, 0, team, Observer.NONE);
  }

  private void add(Activations change) {
    team.forEach(
        hidden.count(),
        row ->
            team.kernels()
                .add(
                    change.values(),
                    change.row(row),
                    hidden.values(),
                    hidden.row(row),
                    hidden.columns()));
  }

  /** Every row of {@link #normed} becomes what its heads see of the values. */
  private void attend(boolean[] sees) {
    int size = vision.hidden() / vision.heads();
    float scale = (float) (1 / Math.sqrt(size));
    int count = hidden.count();
    normed.resize(count);
    team.forEach(
        count,
        row -> {
          float[] scores = new float[count];
          Arrays.fill(normed.values(), normed.row(row), normed.row(row) + normed.columns(), 0);
          for (int head = 0; head < vision.heads(); head++) {
            attend(row, head * size, size, scale, sees, scores);
          }
        });
  }

  private void attend(int row, int from, int size, float scale, boolean[] sees, float[] scores) {
    int count = scores.length;
    for (int other = 0; other < count; other++) {
      scores[other] =
          sees[other]
              ? team.kernels()
                  .dot(
                      queries.values(),
                      queries.row(row) + from,
                      keys.values(),
                      keys.row(other) + from,
                      size)
              : Float.NEGATIVE_INFINITY;
    }
    team.kernels().softmax(scores, 0, count, scale);
    for (int other = 0; other < count; other++) {
      if (sees[other]) {
        team.kernels()
            .addScaled(
                values.values(),
                values.row(other) + from,
                scores[other],
                normed.values(),
                normed.row(row) + from,
                size);
      }
    }
  }

  private void activate(int row) {
    int at = inner.row(row);
    if (vision.kind() != VisionKind.CLIP) {
      team.kernels().gelu(inner.values(), at, inner.columns());
      return;
    }
    for (int i = at; i < at + inner.columns(); i++) {
      float x = inner.values()[i];
      inner.values()[i] = (float) (x / (1 + Math.exp(-QUICK * x)));
    }
  }

  /**
   * Rows as the text model takes them in the place of tokens.
   *
   * @param rows {@code [count][columns]} of what the projector takes
   * @return {@code [count][text]}
   */
  public float[] project(float[] rows, int count) {
    Activations middle = new Activations(vision.text());
    multiply(up, activations(rows, count, up.columns()), middle);
    team.forEach(
        count,
        row -> {
          for (int i = middle.row(row); i < middle.row(row) + middle.columns(); i++) {
            middle.values()[i] = ErrorFunction.gelu(middle.values()[i]);
          }
        });
    Activations projected = new Activations(vision.text());
    multiply(down, middle, projected);
    return rows(projected, 0, count);
  }

  private static Activations activations(float[] rows, int count, int columns) {
    Activations activations = new Activations(columns);
    activations.resize(count);
    for (int i = 0; i < count; i++) {
      System.arraycopy(rows, i * columns, activations.values(), activations.row(i), columns);
    }
    return activations;
  }

  private static float[] rows(Activations from, int first, int count) {
    float[] rows = new float[count * from.columns()];
    for (int i = 0; i < count; i++) {
      System.arraycopy(
          from.values(), from.row(first + i), rows, i * from.columns(), from.columns());
    }
    return rows;
  }
}
