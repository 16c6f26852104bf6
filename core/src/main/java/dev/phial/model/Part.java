package dev.phial.model;

/** The two parts a linear or norm layer may have. */
public enum Part {
  WEIGHT(".weight"),
  BIAS(".bias");

  private final String suffix;

  Part(String suffix) {
    this.suffix = suffix;
  }

  public String suffix() {
    return suffix;
  }
}
