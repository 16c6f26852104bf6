package dev.phial.engine.doctor;

import dev.phial.kernel.Kernels;
import dev.phial.model.Weight;
import java.util.List;

/** NaN and infinity, matrices of zeros, and what half precision cannot hold. */
final class TensorRanges implements Check {
  private static final int PIECE = 1 << 16;
  private static final float LARGEST_HALF = 65504;

  /**
   * Of one weight.
   *
   * @param strangers numbers that are NaN or infinite
   * @param largest magnitude of the others
   */
  private record Range(Weight weight, long strangers, float largest) {
    String name() {
      return weight.slices().getFirst().name();
    }
  }

  @Override
  public String name() {
    return "tensor ranges";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    patient
        .model()
        .ifPresent(model -> {
          List<Range> ranges = model.weights().parallelStream().map(TensorRanges::range).toList();
          ranges.forEach(range -> report(range, findings));
        });
  }

  private static void report(Range range, Findings findings) {
    if (range.strangers > 0) {
      findings.error(
          "%s holds %d numbers that are NaN or infinite".formatted(range.name(), range.strangers),
          "every answer that passes through them is nonsense");
    } else if (range.largest == 0 && range.weight.shape().rank() > 1) {
      findings.warning(
          "%s holds nothing but zeros".formatted(range.name()),
          "what it should compute is missing from the model; was a download incomplete?");
    } else if (range.largest > LARGEST_HALF) {
      findings.warning(
          "%s holds numbers up to %s".formatted(range.name(), range.largest),
          "they become infinite in half precision, which most runtimes compute with");
    }
  }

  private static Range range(Weight weight) {
    int columns = Math.toIntExact(weight.shape().columns());
    int step = (int) Math.clamp(PIECE / columns, 1, Math.max(1, weight.matrixRows()));
    float[] x = new float[step * columns];
    long strangers = 0;
    float largest = 0;
    Kernels kernels = Kernels.best();
    for (long row = 0; row < weight.shape().rows(); row += step) {
      int count = (int) Math.min(step, weight.shape().rows() - row) * columns;
      weight.read(row, count / columns, x);
      int bad = kernels.firstNonFinite(x, 0, count);
      while (bad >= 0) {
        strangers++;
        x[bad] = 0;
        bad = kernels.firstNonFinite(x, bad + 1, count);
      }
      largest = Math.max(largest, Math.abs(kernels.extreme(x, 0, count)));
    }
    return new Range(weight, strangers, largest);
  }
}
