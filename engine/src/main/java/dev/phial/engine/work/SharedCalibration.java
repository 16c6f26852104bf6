package dev.phial.engine.work;

import dev.phial.engine.calibrate.Calibration;
import dev.phial.engine.calibrate.InputSquares;
import dev.phial.source.Checkpoint;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * A calibration whose text other machines read; this one adds up sums, in the order of the text.
 */
public final class SharedCalibration {
  private final Workers workers;
  private final ModelPlace model;
  private final boolean output;

  /**
   * @param output whether to look at the input of the last matrix too
   * @throws dev.phial.PhialException.Unsupported if the model is more than its files
   */
  public SharedCalibration(Workers workers, Checkpoint checkpoint, boolean output) {
    this.workers = workers;
    this.model = ModelPlace.of(checkpoint, workers);
    this.output = output;
  }

  /**
   * Has the text read.
   *
   * @param calibration of the same model, which says what the text is
   * @param squares adds up what is found
   * @param progress told the number of chunks that have been read
   */
  public void run(Calibration calibration, InputSquares squares, IntConsumer progress) {
    List<Integer> groups = IntStream.range(0, calibration.groups()).boxed().toList();
    workers.run(
        new CalibrationJob(Lease.newKey(), model, calibration.text(), output),
        groups,
        (group, written) -> {
          squares.addAll(sums(Values.read(written)));
          progress.accept(calibration.together());
        });
  }

  @SuppressWarnings("unchecked") // as CalibrationJob writes it
  private static Map<String, InputSquares.Sums> sums(Object value) {
    return (Map<String, InputSquares.Sums>) value;
  }
}
