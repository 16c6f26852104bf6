package dev.phial.engine.run;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A model ready to run: layers bound to the weights of its checkpoint, which must stay open. Only
 * norms and biases are copied; every matrix stays where it is, in the type it has.
 */
public final class Model {
  private final ModelDescription description;
  private final Map<String, Weight> weights = new HashMap<>();
  private final Linear embedding;
  private final List<Block> blocks;
  private final Norm outputNorm;
  private final Linear output;

  private Model(ModelDescription description) {
    this.description = description;
    for (Weight weight : description.weights()) {
      weights.put(key(weight.role(), weight.layer(), weight.part()), weight);
    }
    Hyperparameters h = description.hyperparameters();
    this.embedding = linear(Role.TOKEN_EMBEDDING, -1);
    this.blocks = IntStream.range(0, h.layers()).mapToObj(this::block).toList();
    this.outputNorm = norm(Role.OUTPUT_NORM, -1);
    this.output = has(Role.OUTPUT, -1) ? linear(Role.OUTPUT, -1) : embedding;
  }

  /**
   * Binds the weights of a checkpoint.
   *
   * @throws PhialException.BadInput if weights are missing, as in a file that holds only a
   *     vocabulary
   */
  public static Model of(ModelDescription description) {
    return new Model(description);
  }

  public ModelDescription description() {
    return description;
  }

  public Hyperparameters hyperparameters() {
    return description.hyperparameters();
  }

  Linear embedding() {
    return embedding;
  }

  List<Block> blocks() {
    return blocks;
  }

  Norm outputNorm() {
    return outputNorm;
  }

  Linear output() {
    return output;
  }

  private Block block(int layer) {
    List<Role> projections =
        has(Role.ATTENTION_QKV, layer)
            ? List.of(Role.ATTENTION_QKV)
            : List.of(Role.ATTENTION_Q, Role.ATTENTION_K, Role.ATTENTION_V);
    boolean parallel = !has(Role.FFN_NORM, layer);
    Norm norm = norm(Role.ATTENTION_NORM, layer);
    return new Block(
        parallel,
        norm,
        projections.stream().map(role -> linear(role, layer)).toList(),
        new Attention(hyperparameters(), layer),
        linear(Role.ATTENTION_OUTPUT, layer),
        parallel ? norm : norm(Role.FFN_NORM, layer),
        feedForward(layer));
  }

  private FeedForward feedForward(int layer) {
    if (has(Role.ROUTER, layer)) {
      List<FeedForward.Expert> experts = new ArrayList<>();
      for (int i = 0; i < hyperparameters().experts().count(); i++) {
        experts.add(
            new FeedForward.Expert(
                new Linear(weight(Role.EXPERT_GATE, layer), i, null),
                new Linear(weight(Role.EXPERT_UP, layer), i, null),
                new Linear(weight(Role.EXPERT_DOWN, layer), i, null)));
      }
      float jitter = (float) hyperparameters().experts().routerJitter();
      return new FeedForward.Experts(linear(Role.ROUTER, layer), experts, jitter);
    }
    Linear down = linear(Role.FFN_DOWN, layer);
    if (!has(Role.FFN_GATE_UP, layer)) {
      return new FeedForward.Plain(linear(Role.FFN_UP, layer), down);
    }
    Linear gateUp = linear(Role.FFN_GATE_UP, layer);
    return hyperparameters()
        .gegeluLimit()
        .<FeedForward>map(limit -> new FeedForward.Gegelu(gateUp, down, limit.floatValue()))
        .orElseGet(() -> new FeedForward.Gated(gateUp, down));
  }

  private Linear linear(Role role, int layer) {
    return new Linear(weight(role, layer), -1, bias(role, layer));
  }

  private Norm norm(Role role, int layer) {
    float[] weight = values(weight(role, layer));
    float[] bias = bias(role, layer);
    float epsilon = (float) hyperparameters().normEpsilon();
    return bias == null
        ? new Norm.RootMeanSquare(weight, epsilon)
        : new Norm.Layer(weight, bias, epsilon);
  }

  private boolean has(Role role, int layer) {
    return weights.containsKey(key(role, layer, Part.WEIGHT));
  }

  private Weight weight(Role role, int layer) {
    Weight weight = weights.get(key(role, layer, Part.WEIGHT));
    if (weight == null) {
      throw new PhialException.BadInput(
          "expected a whole model, found one without %s%s; does the file hold only a vocabulary?"
              .formatted(
                  role.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '),
                  layer < 0 ? "" : " of layer " + layer));
    }
    return weight;
  }

  private float @Nullable [] bias(Role role, int layer) {
    Weight bias = weights.get(key(role, layer, Part.BIAS));
    return bias == null ? null : values(bias);
  }

  static float[] values(Weight weight) {
    float[] values = new float[Math.toIntExact(weight.shape().elements())];
    weight.read(0, Math.toIntExact(weight.shape().rows()), values);
    return values;
  }

  private static String key(Role role, int layer, Part part) {
    return role + " " + layer + " " + part;
  }
}
