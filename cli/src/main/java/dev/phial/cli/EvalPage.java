package dev.phial.cli;

final class EvalPage {
  private EvalPage() {}

  static String of(EvalResult result) {
    return result.toString();
  }
}
