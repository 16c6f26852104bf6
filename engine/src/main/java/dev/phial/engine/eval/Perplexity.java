package dev.phial.engine.eval;

/**
 * How surprised a model is by a text: {@code exp} of the mean negative log-likelihood of its
 * tokens.
 *
 * @param tokens scored
 */
public record Perplexity(Measure measure, long tokens) {
  public double value() {
    return measure.value();
  }

  public double error() {
    return measure.error();
  }

  /** Adds up one token after the other. */
  static final class Sum {
    double sum;
    double squares;
    long count;

    /**
     * @param surprise negative log-likelihood of a token
     */
    void add(double surprise) {
      sum += surprise;
      squares += surprise * surprise;
      count++;
    }

    Measure logarithm() {
      return Measure.of(sum, squares, count);
    }

    Perplexity result() {
      Measure logarithm = logarithm();
      double value = Math.exp(logarithm.value());
      return new Perplexity(new Measure(value, value * logarithm.error()), count);
    }
  }
}
