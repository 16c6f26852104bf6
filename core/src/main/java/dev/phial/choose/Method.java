package dev.phial.choose;

import dev.phial.PhialException;
import java.util.List;
import java.util.Locale;

/** The ways in which codes are chosen. */
public enum Method {
  /** As the runtime's own converter chooses them, to the byte. */
  REFERENCE,
  /** Not at all: codes, scales and zero points of the source come along as they are. */
  KEEP,
  /** For the least weighted squared error of the numbers, among many scales. */
  SEARCH,
  /** For the least error of what each layer computes of the float model's inputs. */
  GPTQ,
  /**
   * For the least error of what each layer computes of the inputs that it has in the quantized
   * model, so that later layers make up for earlier ones.
   */
  BEST;

  /** Those that can be asked for by name. */
  public static final List<Method> NAMED = List.of(REFERENCE, SEARCH, GPTQ, BEST);

  /** As users write it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * What a user asked for.
   *
   * @throws PhialException.Usage if there is no such method
   */
  public static Method named(String name) {
    return NAMED.stream()
        .filter(method -> method.label().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "--method: expected one of %s, found %s"
                    .formatted(
                        String.join(", ", NAMED.stream().map(Method::label).toList()), name)));
  }

  /** Whether scales are searched, and not taken as the reference chooses them. */
  boolean searches() {
    return this == SEARCH || readsText();
  }

  /** Whether the model must read a text first. */
  public boolean readsText() {
    return this == GPTQ || this == BEST;
  }
}
