package dev.phial.engine.doctor;

import dev.phial.targets.Targets;

/**
 * Where the runtime that loads this format departs from the reference for this model: LongRoPE, the
 * window of attention, the router of experts.
 */
final class RuntimeDifferences implements Check {
  @Override
  public String name() {
    return "runtime";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    String kind = patient.checkpoint().kind();
    patient
        .model()
        .ifPresent(model ->
            Targets.ALL.stream()
                .filter(target -> target.name().equals(kind))
                .flatMap(target -> target.caveats(model).stream())
                .forEach(
                    caveat -> findings.note(caveat, "answers may differ from the reference's")));
  }
}
