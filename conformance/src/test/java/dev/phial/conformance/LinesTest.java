package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * How much code there is. {@code lines.txt} says how many lines a module may have, tests included:
 * what needs more raises that on purpose, in a commit that says why.
 */
final class LinesTest {
  private static final int LONGEST = 5;
  private static final int MOST_OF_A_FILE = 600;

  @Test
  void modulesStayWithinTheirBudgets() throws IOException {
    Map<String, Long> budgets = new LinkedHashMap<>();
    for (String line : Files.readAllLines(Phial.ROOT.resolve("lines.txt"))) {
      int blank = line.indexOf(' ');
      budgets.put(line.substring(0, blank), Long.parseLong(line.substring(blank + 1)));
    }
    Map<String, Long> found = new LinkedHashMap<>();
    try (Stream<Path> modules = Files.list(Phial.ROOT)) {
      for (Path module :
          modules.filter(folder -> Files.exists(folder.resolve("src"))).sorted().toList()) {
        found.put(
            module.getFileName().toString(),
            sources(module.resolve("src")).values().stream().mapToLong(n -> n).sum());
      }
    }
    found.forEach((module, lines) ->
        System.out.printf("%-12s %,7d lines of %,7d%n", module, lines, budgets.get(module)));
    assertThat(found.keySet()).isEqualTo(budgets.keySet());
    found.forEach((module, lines) ->
        assertThat(lines)
            .as("lines of %s: delete some, or raise lines.txt on purpose", module)
            .isLessThanOrEqualTo(budgets.get(module)));
  }

  /** A longer one holds a second concept, which wants a file of its own. */
  @Test
  void filesStayShort() {
    List<Map.Entry<Path, Long>> longest =
        sources(Phial.ROOT).entrySet().stream()
            .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
            .toList();
    assertThat(longest).hasSizeGreaterThan(100);
    longest.stream()
        .limit(LONGEST)
        .forEach(file ->
            System.out.printf(
                "%5d lines: %s%n", file.getValue(), Phial.ROOT.relativize(file.getKey())));
    longest.forEach(file ->
        assertThat(file.getValue())
            .as("lines of %s", file.getKey())
            .isLessThanOrEqualTo(MOST_OF_A_FILE));
  }

  /** Java files below a folder, and the lines of each. */
  private static Map<Path, Long> sources(Path folder) {
    Map<Path, Long> lines = new LinkedHashMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file :
          files
              .filter(file -> file.toString().endsWith(".java"))
              .filter(file -> !Phial.ROOT.relativize(file).toString().contains("target/"))
              .toList()) {
        lines.put(file, (long) Files.readAllLines(file).size());
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return lines;
  }
}
