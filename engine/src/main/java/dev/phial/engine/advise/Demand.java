package dev.phial.engine.advise;

import dev.phial.plan.Plan;

/**
 * Bytes of memory that a model takes while it runs.
 *
 * @param weights of the model
 * @param cache keys and values of the context
 * @param own what the runtime takes for its work
 * @param perToken bytes that one token reads: its weights, and the cache of a full context
 */
public record Demand(long weights, long cache, long own, long perToken) {
  /** What a file takes in a runtime. */
  static Demand of(Plan plan, Use use, int context) {
    long cache = plan.hyperparameters().cacheBytes(context) * use.cacheBits() / Short.SIZE;
    return new Demand(
        plan.tensorBytes(),
        cache,
        use.runtime().ownBytes(plan.hyperparameters().vocabulary()),
        plan.bytesPerToken() + cache);
  }

  public long total() {
    return weights + cache + own;
  }
}
