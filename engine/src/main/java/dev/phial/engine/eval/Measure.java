package dev.phial.engine.eval;

/**
 * A mean and how far it may be off.
 *
 * @param error standard error of the mean
 */
public record Measure(double value, double error) {
  /** Of {@code count} numbers with this sum and sum of squares. */
  static Measure of(double sum, double squares, long count) {
    double mean = sum / count;
    double variance = squares / count - mean * mean;
    return new Measure(mean, count > 1 && variance > 0 ? Math.sqrt(variance / (count - 1)) : 0);
  }

  /** Of a share: {@code part} of {@code count}. */
  static Measure ofShare(long part, long count) {
    double share = (double) part / count;
    return new Measure(share, count > 1 ? Math.sqrt(share * (1 - share) / (count - 1)) : 0);
  }
}
