package dev.phial.engine.eval;

import java.util.Arrays;

/**
 * How far the predictions of a candidate are from those of a reference, over the scored tokens of a
 * text. The names and formulas are those of {@code llama-perplexity --kl-divergence}, without its
 * rounding: both models run side by side.
 *
 * @param mean of the Kullback-Leibler divergence of the candidate's distribution from the
 *     reference's, in nats
 * @param median of the same
 * @param percentile99 99 % of tokens have less
 * @param percentile999 99.9 % of tokens have less
 * @param top1 share of tokens for which both find the same one most probable
 * @param deltaP root of the mean square of how much the probability of the true token changed
 * @param logRatio logarithm of the candidate's perplexity divided by the reference's
 */
public record Divergence(
    Measure mean,
    double median,
    double percentile99,
    double percentile999,
    double max,
    Measure top1,
    Measure deltaP,
    Measure logRatio) {

  /** Adds up one token after the other. */
  static final class Sum {
    private double[] values = new double[1024];
    private int count;
    private int sameTop;
    private double sum;
    private double squares;
    private double deltaSquares;
    private double deltaFourths;
    private double ratios;
    private double ratioSquares;

    /**
     * @param divergence of the candidate's distribution
     * @param same whether both find the same token most probable
     * @param referenceSurprise negative log-likelihood of the true token
     * @param surprise the candidate's
     */
    void add(double divergence, boolean same, double referenceSurprise, double surprise) {
      if (count == values.length) {
        values = Arrays.copyOf(values, 2 * count);
      }
      values[count++] = divergence;
      sameTop += same ? 1 : 0;
      sum += divergence;
      squares += divergence * divergence;
      double delta = Math.exp(-surprise) - Math.exp(-referenceSurprise);
      deltaSquares += delta * delta;
      deltaFourths += delta * delta * delta * delta;
      double ratio = surprise - referenceSurprise;
      ratios += ratio;
      ratioSquares += ratio * ratio;
    }

    Divergence result() {
      double[] sorted = Arrays.copyOf(values, count);
      Arrays.sort(sorted);
      Measure square = Measure.of(deltaSquares, deltaFourths, count);
      double root = Math.sqrt(square.value());
      return new Divergence(
          Measure.of(sum, squares, count),
          quantile(sorted, 0.5),
          quantile(sorted, 0.99),
          quantile(sorted, 0.999),
          sorted[count - 1],
          Measure.ofShare(sameTop, count),
          new Measure(root, root > 0 ? square.error() / 2 / root : 0),
          Measure.of(ratios, ratioSquares, count));
    }

    private static double quantile(double[] sorted, double share) {
      double place = share * (sorted.length - 1);
      int below = (int) place;
      double rest = place - below;
      return (1 - rest) * sorted[below] + rest * sorted[Math.min(below + 1, sorted.length - 1)];
    }
  }
}
