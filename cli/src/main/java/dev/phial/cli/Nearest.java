package dev.phial.cli;

import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What somebody meant who wrote it a little differently. */
final class Nearest {
  private Nearest() {}

  /** The word that needs the fewest letters changed; none if that is a third of them or more. */
  static Optional<String> to(String word, Collection<String> known) {
    return known.stream()
        .map(one -> Map.entry(one, distance(plain(word), plain(one))))
        .filter(entry -> 3 * entry.getValue() < Math.max(4, plain(entry.getKey()).length()))
        .min(Map.Entry.<String, Integer>comparingByValue().thenComparing(Map.Entry::getKey))
        .map(Map.Entry::getKey);
  }

  /** Whether the two differ in nothing but case and what joins their parts. */
  static boolean isSlip(String word, String known) {
    return plain(word).equals(plain(known));
  }

  /** Without what is easily left out or confused. */
  private static String plain(String word) {
    return word.toLowerCase(Locale.ROOT).replaceAll("[-_ ]", "");
  }

  /** Letters to insert, to leave out or to change. */
  private static int distance(String a, String b) {
    int[] before = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      before[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int changed = before[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(changed, 1 + Math.min(row[j - 1], before[j]));
      }
      before = row;
    }
    return before[b.length()];
  }
}
