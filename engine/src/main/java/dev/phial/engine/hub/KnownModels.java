package dev.phial.engine.hub;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Phi models by their names on the hub, for those who misspell one. */
final class KnownModels {
  private static final List<String> ALL =
      List.of(
          "microsoft/phi-1",
          "microsoft/phi-1_5",
          "microsoft/phi-2",
          "microsoft/Phi-3-mini-4k-instruct",
          "microsoft/Phi-3-mini-128k-instruct",
          "microsoft/Phi-3-mini-4k-instruct-gguf",
          "microsoft/Phi-3-mini-4k-instruct-onnx",
          "microsoft/Phi-3-small-8k-instruct",
          "microsoft/Phi-3-small-128k-instruct",
          "microsoft/Phi-3-medium-4k-instruct",
          "microsoft/Phi-3-medium-128k-instruct",
          "microsoft/Phi-3-vision-128k-instruct",
          "microsoft/Phi-3.5-mini-instruct",
          "microsoft/Phi-3.5-mini-instruct-onnx",
          "microsoft/Phi-3.5-MoE-instruct",
          "microsoft/Phi-3.5-vision-instruct",
          "microsoft/Phi-mini-MoE-instruct",
          "microsoft/Phi-tiny-MoE-instruct",
          "microsoft/phi-4",
          "microsoft/phi-4-gguf",
          "microsoft/phi-4-onnx",
          "microsoft/Phi-4-mini-instruct",
          "microsoft/Phi-4-mini-instruct-onnx",
          "microsoft/Phi-4-mini-reasoning",
          "microsoft/Phi-4-reasoning",
          "microsoft/Phi-4-reasoning-plus",
          "microsoft/Phi-4-multimodal-instruct",
          "microsoft/Phi-4-reasoning-vision-15B");

  /** Slips in a name that is still taken for another. */
  private static final int MOST_SLIPS = 6;

  private KnownModels() {}

  /** The one whose name is the most like it, if one is. */
  static Optional<String> like(String name) {
    return ALL.stream()
        .filter(known -> distance(known, name) <= MOST_SLIPS)
        .min(Comparator.comparingInt(known -> distance(known, name)))
        .filter(known -> !known.equals(name));
  }

  /** Levenshtein's, in which capitals do not count. */
  private static int distance(String one, String other) {
    String a = one.toLowerCase(Locale.ROOT);
    String b = other.toLowerCase(Locale.ROOT);
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(changed, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
