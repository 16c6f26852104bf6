package dev.phial.engine.doctor;

import dev.phial.PhialException;
import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Examines an exported model of any format that can be read. */
public final class Doctor {
  private Doctor() {}

  /**
   * Does every check, those of the weights by reading all of them.
   *
   * @param original what the model was made from, to hold it against
   * @return what was found, in the order of the checks; nothing if all is well
   */
  public static List<Finding> examine(Checkpoint checkpoint, Optional<Checkpoint> original) {
    Findings findings = new Findings("readability");
    Optional<Patient> healthy =
        original.map(found -> patient(found, Optional.empty(), new Findings("original")));
    Patient patient = patient(checkpoint, healthy, findings);
    checkpoint
        .notes()
        .forEach(note -> findings.warning(note, "other programs may read it otherwise"));
    List<Finding> all = new ArrayList<>(findings.all());
    for (Check check : Check.ALL) {
      Findings found = new Findings(check.name());
      try {
        check.examine(patient, found);
      } catch (PhialException e) {
        found.error(e.getMessage(), "this could not be examined further");
      }
      all.addAll(found.all());
    }
    return all;
  }

  private static Patient patient(
      Checkpoint checkpoint, Optional<Patient> original, Findings findings) {
    return new Patient(
        checkpoint,
        understood(
            () -> Optional.of(Families.describe(checkpoint)),
            "no runtime will load it as a Phi model, or it will answer nonsense",
            findings),
        understood(
            () -> Optional.of(Tokenizer.of(checkpoint)),
            "a runtime can read and write tokens, but no text",
            findings),
        understood(
            () -> ChatTemplate.of(checkpoint),
            "runtimes fall back on a layout of conversations the model was not trained with",
            findings),
        original);
  }

  private static <T> Optional<T> understood(
      Supplier<Optional<T>> part, String consequence, Findings findings) {
    try {
      return part.get();
    } catch (PhialException e) {
      findings.error(e.getMessage(), consequence);
      return Optional.empty();
    }
  }
}
