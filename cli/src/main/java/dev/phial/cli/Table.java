package dev.phial.cli;

import dev.phial.Printable;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Lines up what is printed in columns, two spaces apart. */
final class Table {
  private static final int LONGEST = 1000;

  private final String alignment;
  private final List<List<String>> rows = new ArrayList<>();

  /**
   * @param alignment of each column: {@code l} for left, {@code r} for right
   */
  Table(String alignment) {
    this.alignment = alignment;
  }

  /** Adds a row. One with fewer cells than columns ends in a text that no column is widened for. */
  Table row(Object... cells) {
    rows.add(Arrays.stream(cells).map(Table::printable).toList());
    return this;
  }

  void print(PrintStream out) {
    int[] widths = new int[alignment.length()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length && !isTail(row, i); i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.size(); i++) {
        String padding = " ".repeat(isTail(row, i) ? 0 : widths[i] - row.get(i).length());
        boolean isRight = alignment.charAt(i) == 'r' && !isTail(row, i);
        line.append(isRight ? padding + row.get(i) : row.get(i) + padding).append("  ");
      }
      out.println(line.toString().stripTrailing());
    }
  }

  private boolean isTail(List<String> row, int column) {
    return column >= row.size() - 1 && row.size() < alignment.length();
  }

  /** Text that comes from a file neither breaks a line nor steers the terminal. */
  private static String printable(Object cell) {
    return Printable.of(String.valueOf(cell).replace("\n", "\\n"), LONGEST);
  }
}
