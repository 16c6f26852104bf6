package dev.phial.engine.advise;

import dev.phial.io.Sizes;
import dev.phial.plan.Plan;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Judges every file that could be made of a model by what a device has.
 *
 * @param context tokens that are to be held
 */
public record Advisor(Device device, int context, MeasuredLosses losses) {
  /** Tokens per second that are enough: most people read no faster. */
  public static final double FAST_ENOUGH = 10;

  /** Every file of every target, in the order of the device's runtimes, then the rest. */
  public List<Candidate> candidates(PossibleFiles files) {
    List<Candidate> candidates = new ArrayList<>();
    Map<String, List<Use>> groups = // a file serves all parts that need no other options
        device.uses().stream()
            .collect(
                Collectors.groupingBy(
                    use -> use.target() + use.suffix(), LinkedHashMap::new, Collectors.toList()));
    for (List<Use> group : groups.values()) {
      Target target = Targets.named(group.getFirst().target()).orElseThrow();
      for (String precision : target.precisions()) {
        candidates.add(judge(files, target, precision, group));
      }
    }
    for (Target target : Targets.ALL) {
      if (device.uses().stream().noneMatch(use -> use.target().equals(target.name()))) {
        String reason = "no runtime for such files is known on this device";
        for (String precision : target.precisions()) {
          candidates.add(without(target, precision, List.of(), reason));
        }
      }
    }
    return candidates;
  }

  private Candidate judge(PossibleFiles files, Target target, String precision, List<Use> group) {
    List<Use> takers = group.stream().filter(use -> use.takes(precision)).toList();
    if (takers.isEmpty()) {
      return without(
          target,
          precision,
          group,
          group.stream()
              .map(use ->
                  "its %s takes %s".formatted(use.unit(), String.join(", ", use.precisions())))
              .collect(Collectors.joining("; ")));
    }
    Use use = takers.getFirst();
    PossibleFiles.Possible file = files.of(target, precision, use);
    if (file.plan().isEmpty()) {
      return without(target, precision, group, file.obstacle());
    }
    Plan plan = file.plan().get();
    Demand demand = Demand.of(plan, use, context);
    return new Candidate(
        target.name(),
        precision,
        use.suffix(),
        use.runtime().name(),
        takers.stream().map(Use::unit).distinct().toList(),
        Optional.of(plan),
        Optional.of(demand),
        device.bandwidth().map(bandwidth -> bandwidth.value() * 1e9 / demand.perToken()),
        losses.of(target.name(), precision),
        Optional.of("needs %s of memory".formatted(Sizes.of(demand.total())))
            .filter(any -> demand.total() > device.room()));
  }

  private static Candidate without(
      Target target, String precision, List<Use> group, String obstacle) {
    return new Candidate(
        target.name(),
        precision,
        group.stream().findFirst().map(Use::suffix).orElse(""),
        group.stream().findFirst().map(use -> use.runtime().name()).orElse(""),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(obstacle));
  }

  /**
   * The one file to make.
   *
   * <p>Of files that fit and whose loss was measured, the one that lost least. Where nothing was
   * measured, of the usual precisions of the first runtime that any of them fits: the most bits.
   * Both among those that are fast enough; where none is, the fastest that is still {@link
   * RuntimeTraits#enough}.
   *
   * @return none if nothing fits
   */
  public Optional<Recommendation> recommend(List<Candidate> candidates) {
    List<Candidate> measured =
        candidates.stream().filter(c -> c.fits() && c.loss().isPresent()).toList();
    if (!measured.isEmpty()) {
      List<Candidate> fast = measured.stream().filter(Advisor::isFastEnough).toList();
      Candidate best =
          (fast.isEmpty() ? measured : fast)
              .stream()
                  .min(Comparator.comparing(candidate -> candidate.loss().orElseThrow()))
                  .orElseThrow();
      return Optional.of(
          new Recommendation(
              best,
              "of what was measured it lost least (KL divergence %s) and fits%s"
                  .formatted(
                      String.format(Locale.ROOT, "%.4f", best.loss().orElseThrow()),
                      fast.isEmpty() ? "; none is fast" : "")));
    }
    for (Use use : device.uses()) {
      List<Candidate> usual =
          use.runtime().usual().stream()
              .flatMap(precision ->
                  candidates.stream()
                      .filter(candidate ->
                          candidate.fits()
                              && candidate
                                  .order()
                                  .equals(use.target() + ":" + precision + use.suffix())))
              .toList();
      if (!usual.isEmpty()) {
        return Optional.of(choose(usual, use.runtime()));
      }
    }
    return Optional.empty();
  }

  /**
   * @param usual files that fit, the most bits first
   */
  private static Recommendation choose(List<Candidate> usual, RuntimeTraits runtime) {
    List<String> names = runtime.usual().subList(0, runtime.usual().indexOf(runtime.enough()) + 1);
    List<Candidate> decent =
        usual.stream().filter(candidate -> names.contains(candidate.precision())).toList();
    if (decent.isEmpty()) {
      return new Recommendation(
          usual.getFirst(), "nothing larger fits; expect it to have lost much");
    }
    return decent.stream()
        .filter(Advisor::isFastEnough)
        .findFirst()
        .map(fast ->
            new Recommendation(
                fast,
                fast.speed().isPresent()
                    ? "of the usual precisions that fit and may reach %.0f tokens/s it has the most bits"
                        .formatted(FAST_ENOUGH)
                    : "of the usual precisions that fit it has the most bits"))
        .orElseGet(() ->
            new Recommendation(
                decent.getLast(),
                "no usual precision can reach %.0f tokens/s, and below this one more is lost than speed is worth"
                    .formatted(FAST_ENOUGH)));
  }

  private static boolean isFastEnough(Candidate candidate) {
    return candidate.speed().map(speed -> speed >= FAST_ENOUGH).orElse(true);
  }
}
