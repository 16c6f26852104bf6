package dev.phial.engine.work;

import dev.phial.engine.calibrate.Calibration;
import dev.phial.engine.calibrate.InputSquares;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.model.Families;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;

/**
 * Reads a group of chunks, and sums up what flows into each matrix. A task is the number of a
 * group, and writes the sums that {@link InputSquares#take} gives.
 *
 * @param key of the open model, see {@link Lease}
 * @param output whether to look at the input of the last matrix too
 */
record CalibrationJob(String key, ModelPlace model, Calibration.Text text, boolean output)
    implements Job<Integer> {
  @Override
  public String title() {
    return "calibrate " + model.path();
  }

  @Override
  public long amount(Integer group) {
    return text.length();
  }

  @Override
  public String unit() {
    return "tokens";
  }

  @Override
  public void run(Integer group, Place place, DataOutputStream out) throws IOException {
    try (Lease<PlannedModel> lease =
            Lease.of(key, () -> PlannedModel.open(model, List.of(), place));
        Team team = new Team(1)) {
      InputSquares squares = new InputSquares();
      Model bound = Model.of(Families.describe(lease.value().checkpoint()));
      new Calibration(new Forward(bound, team, squares), text).run(squares, output, group);
      Values.write(squares.take(), out);
    }
  }
}
