package dev.phial.engine.doctor;

import dev.phial.engine.doctor.Finding.Severity;
import java.util.ArrayList;
import java.util.List;

/** Collects what one check finds. */
final class Findings {
  private final String check;
  private final List<Finding> all = new ArrayList<>();

  Findings(String check) {
    this.check = check;
  }

  void error(String found, String consequence) {
    all.add(new Finding(Severity.ERROR, check, found, consequence));
  }

  void warning(String found, String consequence) {
    all.add(new Finding(Severity.WARNING, check, found, consequence));
  }

  void note(String found, String consequence) {
    all.add(new Finding(Severity.NOTE, check, found, consequence));
  }

  List<Finding> all() {
    return all;
  }
}
