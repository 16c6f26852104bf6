package dev.phial.conformance;

import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The Python that the environment variable {@code PHIAL_PYTHON} names: an interpreter with the
 * packages of {@code conformance/requirements.txt}. Where there is none, tests that need it are
 * skipped.
 */
final class Python {
  private static final @Nullable String INTERPRETER = System.getenv("PHIAL_PYTHON");

  private Python() {}

  /**
   * Runs a script of {@code conformance/python}.
   *
   * @param folder to run in
   * @return what it printed
   */
  static String run(Path folder, String script, List<String> arguments) {
    if (INTERPRETER == null) {
      return abort("PHIAL_PYTHON names no Python with conformance/requirements.txt");
    }
    List<String> words = new ArrayList<>();
    words.add(INTERPRETER);
    words.add(Phial.ROOT.resolve("conformance/python").resolve(script).toString());
    words.addAll(arguments);
    return Command.run(folder, words).succeeded().out();
  }
}
