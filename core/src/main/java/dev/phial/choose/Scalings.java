package dev.phial.choose;

import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.graph.Norm;
import dev.phial.graph.Vector;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Rows;
import dev.phial.model.Scaling;
import dev.phial.model.TensorName;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * Factors on the inputs and outputs of layers, collected and then taken into the parameters. Layers
 * that share a parameter, as those of a fused projection do, must agree on their inputs.
 */
final class Scalings {
  private final IdentityHashMap<Weight, float[]> rows = new IdentityHashMap<>();
  private final IdentityHashMap<Weight, float[]> columns = new IdentityHashMap<>();

  /**
   * Multiplies the columns of a layer's matrix.
   *
   * @param factors {@code [inputs]}
   */
  void inputs(Linear layer, float[] factors) {
    for (Rows part : layer.weight().parts()) {
      float[] others = columns.putIfAbsent(part.weight(), factors);
      if (others != null && !Arrays.equals(others, factors)) {
        throw new IllegalArgumentException("two scalings of " + part.weight().ggufName());
      }
    }
  }

  /**
   * Multiplies the rows of a layer's matrix, and its bias.
   *
   * @param factors {@code [outputs]}
   */
  void outputs(Linear layer, float[] factors) {
    Matrix matrix = layer.weight();
    multiply(rows, matrix.parts(), factors);
    layer.bias().ifPresent(bias -> multiply(columns, bias.parts(), factors));
  }

  /**
   * Multiplies weight and bias of a norm.
   *
   * @param factors {@code [hidden]}
   */
  void outputs(Norm norm, float[] factors) {
    multiply(columns, norm.weight().parts(), factors);
    norm.bias().map(Vector::parts).ifPresent(parts -> multiply(columns, parts, factors));
  }

  private static void multiply(
      IdentityHashMap<Weight, float[]> all, List<Rows> parts, float[] factors) {
    int at = 0;
    for (Rows part : parts) {
      int size = Math.toIntExact(Rows.of(part.weight()).count());
      float[] own = all.computeIfAbsent(part.weight(), weight -> ones(size));
      for (int i = 0; i < part.count(); i++) {
        own[Math.toIntExact(part.first()) + i] *= factors[at++];
      }
    }
  }

  private static float[] ones(int size) {
    float[] ones = new float[size];
    Arrays.fill(ones, 1);
    return ones;
  }

  /**
   * The model with these factors in its parameters. An output matrix that was the embedding becomes
   * one of its own, since the embedding must stay as it is.
   */
  ModelDescription apply(ModelDescription model) {
    Hyperparameters h = model.hyperparameters();
    List<Weight> weights = new ArrayList<>();
    boolean unties = false;
    for (Weight weight : model.weights()) {
      Scaling scaling =
          new Scaling(
              rows.getOrDefault(weight, Scaling.ONES), columns.getOrDefault(weight, Scaling.ONES));
      if (scaling.isNone()) {
        weights.add(weight);
      } else if (h.tied() && weight.role() == Role.TOKEN_EMBEDDING) {
        TensorName output = model.family().name(Role.OUTPUT);
        weights.add(weight);
        weights.add(
            new Weight(
                output, weight.layer(), weight.part(), weight.shape(), weight.slices(), scaling));
        unties = true;
      } else {
        weights.add(weight.scaled(scaling));
      }
    }
    return new ModelDescription(
        model.family(), unties ? h.untied() : h, weights, model.activations());
  }
}
