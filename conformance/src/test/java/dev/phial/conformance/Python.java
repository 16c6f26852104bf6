package dev.phial.conformance;

import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The Pythons that the environment variables {@code PHIAL_PYTHON}, {@code PHIAL_PYTHON_LITERT} and
 * {@code PHIAL_PYTHON_TORCH} name: interpreters with the packages of {@code
 * conformance/requirements.txt}, {@code requirements-litert.txt} and {@code
 * requirements-torch.txt}. Where there is none, tests that need it are skipped.
 */
final class Python {
  private Python() {}

  /**
   * Runs a script of {@code conformance/python}.
   *
   * @param folder to run in
   * @return what it printed
   */
  static String run(Path folder, String script, List<String> arguments) {
    return run("PHIAL_PYTHON", "requirements.txt", folder, script, arguments);
  }

  /** The same with the packages for LiteRT. */
  static String runLitert(Path folder, String script, List<String> arguments) {
    return run("PHIAL_PYTHON_LITERT", "requirements-litert.txt", folder, script, arguments);
  }

  /** The same with PyTorch. */
  static String runTorch(Path folder, String script, List<String> arguments) {
    return run("PHIAL_PYTHON_TORCH", "requirements-torch.txt", folder, script, arguments);
  }

  private static String run(
      String variable, String packages, Path folder, String script, List<String> arguments) {
    String interpreter = System.getenv(variable);
    if (interpreter == null) {
      return abort("%s names no Python with conformance/%s".formatted(variable, packages));
    }
    List<String> words = new ArrayList<>();
    words.add(interpreter);
    words.add(Phial.ROOT.resolve("conformance/python").resolve(script).toString());
    words.addAll(arguments);
    return Command.run(folder, words).succeeded().out();
  }
}
