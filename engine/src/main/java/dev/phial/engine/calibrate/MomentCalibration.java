package dev.phial.engine.calibrate;

import dev.phial.PhialException;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.run.Walk;
import dev.phial.io.Progress;
import dev.phial.io.Sizes;
import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Hyperparameters;
import dev.phial.source.InputMomentsFile;
import dev.phial.targets.gguf.InputMomentsWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Lets a model read a text and writes down the second moments of what flows into its matrices, for
 * any number of outputs to be made from; in memory are those of one stage.
 */
public final class MomentCalibration {
  private MomentCalibration() {}

  /** The entry of the matrices of a stage, if it is of a size that methods take. */
  public static Optional<InputMomentsFile.Entry> entry(Walk.Stage stage) {
    return stage.columns() % MatrixKernels.PANEL == 0
        ? Optional.of(new InputMomentsFile.Entry(stage.name(), stage.columns()))
        : Optional.empty();
  }

  /** The entries of a model. */
  public static List<InputMomentsFile.Entry> entries(Model model, Team team) {
    List<InputMomentsFile.Entry> entries = new ArrayList<>();
    try (Walk walk = new Walk(model, team, List.of())) {
      for (Walk.Stage stage = walk.next(); stage != null; stage = walk.next()) {
        entry(stage).ifPresent(entries::add);
      }
    }
    return entries;
  }

  /**
   * Says what is missing before anything is read.
   *
   * @throws PhialException.Unsupported if there is too little memory
   */
  public static void checkMemory(Hyperparameters h, List<int[]> texts) {
    long tokens = texts.stream().mapToLong(text -> text.length).sum();
    long widest = Walk.widest(h);
    long needed = widest * widest * Float.BYTES + Walk.bytes(h, tokens);
    long found = Runtime.getRuntime().maxMemory();
    if (needed > found) {
      throw new PhialException.Unsupported(
          "--moments: expected %s of memory for %d tokens and matrices of %d columns, found %s; choose fewer --chunks"
              .formatted(Sizes.of(needed), tokens, widest, Sizes.of(found)));
    }
  }

  /**
   * Reads the texts and writes the moments.
   *
   * @param texts each at most as long as the model's context
   * @param progress counts the weights that were passed
   */
  public static void run(
      Model model, Team team, List<int[]> texts, InputMomentsWriter out, Progress.Stage progress) {
    try (Walk walk = new Walk(model, team, texts)) {
      for (Walk.Stage stage = walk.next(); stage != null; stage = walk.next()) {
        Optional<InputMomentsFile.Entry> entry = entry(stage);
        if (entry.isPresent()) {
          MomentSums sums = new MomentSums(stage.columns(), false, team);
          for (int i = 0; i < texts.size(); i++) {
            sums.add(walk.input(i), null);
          }
          out.put(entry.get(), sums.sums(), sums.count());
        }
        stage.advance(progress);
      }
    }
  }
}
