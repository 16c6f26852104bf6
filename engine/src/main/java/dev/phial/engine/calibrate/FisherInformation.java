package dev.phial.engine.calibrate;

import dev.phial.choose.InputMoments;
import dev.phial.choose.OutputMoments;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.Backward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * How what a model predicts depends on what its embedding and its matrices give: second moments of
 * gradients in them.
 *
 * @param embedding in what the embedding gives
 * @param outputs in what matrices give; those of experts, of which each sees few tokens, are not
 *     among them
 */
public record FisherInformation(InputMoments embedding, Map<Weight, OutputMoments> outputs) {

  /**
   * Goes back through a model from what it predicts.
   *
   * @param texts of which some are read
   * @param isWanted of which matrices
   */
  public static FisherInformation of(
      Model model, List<int[]> texts, Predicate<Weight> isWanted, Team team) {
    MomentSums embedding = new MomentSums(model.hyperparameters().hidden(), false, team);
    Map<Weight, OutputMomentSums> outputs = new HashMap<>();
    Backward.Observer observer =
        new Backward.Observer() {
          @Override
          public void embedding(Activations gradients) {
            embedding.add(gradients, null);
          }

          @Override
          public void output(Weight weight, int matrix, Activations gradients) {
            if (isWanted.test(weight) && isKept(weight)) {
              outputs
                  .computeIfAbsent(
                      weight, w -> new OutputMomentSums(Math.toIntExact(w.matrixRows()), team))
                  .add(gradients);
            }
          }
        };
    try (Backward backward = new Backward(model, team, observer)) {
      long tokens = 0;
      for (int i = 0; i < texts.size() && tokens < Backward.USUAL_TOKENS; i++) {
        backward.run(texts.get(i), i);
        tokens += texts.get(i).length;
      }
    }
    Map<Weight, OutputMoments> moments = new HashMap<>();
    outputs.forEach((weight, sums) -> moments.put(weight, sums.moments()));
    return new FisherInformation(embedding.moments(), moments);
  }

  /** Bytes that those of the wanted matrices of a model take. */
  public static long bytes(ModelDescription model, Predicate<Weight> isWanted) {
    return model.weights().stream()
        .filter(weight -> isWanted.test(weight) && isKept(weight))
        .mapToLong(weight -> OutputMoments.bytes(weight.matrixRows()))
        .sum();
  }

  private static boolean isKept(Weight weight) {
    return weight.shape().rank() == 2;
  }

  /** Of a matrix, if anything is known of it. */
  public Optional<OutputMoments> of(Weight weight) {
    return Optional.ofNullable(outputs.get(weight));
  }
}
