package dev.phial.engine.doctor;

/**
 * What a check found.
 *
 * @param check name of the check
 * @param found what is the case
 * @param consequence what a user of the model will notice
 */
public record Finding(Severity severity, String check, String found, String consequence) {
  /** How bad it is. */
  public enum Severity {
    /** The model answers wrongly, or a runtime refuses it. */
    ERROR,
    /** Some runtimes or some uses suffer. */
    WARNING,
    /** As it should be in this format, and yet not what the reference does. */
    NOTE
  }
}
