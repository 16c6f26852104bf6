package dev.phial.engine.advise;

import dev.phial.plan.Plan;
import java.util.List;
import java.util.Optional;

/**
 * A file that could be made of a model for a device.
 *
 * @param options what follows the precision in {@code --to}; may be empty
 * @param runtime that loads it
 * @param units parts of the device that run it
 * @param plan of the file, if it can be made
 * @param demand of memory, where there is a plan
 * @param speed predicted, in tokens per second: what the memory allows at most
 * @param loss measured mean KL divergence, if somebody measured it
 * @param obstacle why not, in a few words; none if it fits
 */
public record Candidate(
    String target,
    String precision,
    String options,
    String runtime,
    List<String> units,
    Optional<Plan> plan,
    Optional<Demand> demand,
    Optional<Double> speed,
    Optional<Double> loss,
    Optional<String> obstacle) {
  public Candidate {
    units = List.copyOf(units);
  }

  /** What {@code --to} says to make it. */
  public String order() {
    return target + ":" + precision + options;
  }

  public boolean fits() {
    return obstacle.isEmpty();
  }
}
