package dev.phial.targets;

/**
 * An option of a target.
 *
 * @param name without the leading dashes
 * @param parameter what stands after it, for the help; empty for a flag
 * @param repeatable whether it may be given more than once
 */
public record TargetOption(String name, String parameter, boolean repeatable, String description) {
  public static TargetOption flag(String name, String description) {
    return new TargetOption(name, "", false, description);
  }

  public static TargetOption value(String name, String parameter, String description) {
    return new TargetOption(name, parameter, false, description);
  }

  public static TargetOption values(String name, String parameter, String description) {
    return new TargetOption(name, parameter, true, description);
  }

  public boolean isFlag() {
    return parameter.isEmpty();
  }

  /** Whether its value names a file. */
  public boolean isFile() {
    return parameter.equals("FILE");
  }
}
