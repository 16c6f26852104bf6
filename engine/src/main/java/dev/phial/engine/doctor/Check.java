package dev.phial.engine.doctor;

import java.util.List;

/** One thing that goes wrong with exported models. */
sealed interface Check
    permits EndTokens,
        ChatRoundTrip,
        TiedEmbeddings,
        RotaryEmbedding,
        RuntimeDifferences,
        TensorRanges,
        SameAsOriginal {
  List<Check> ALL =
      List.of(
          new EndTokens(),
          new ChatRoundTrip(),
          new TiedEmbeddings(),
          new RotaryEmbedding(),
          new RuntimeDifferences(),
          new TensorRanges(),
          new SameAsOriginal());

  /** A few words, as they stand before a finding. */
  String name();

  void examine(Patient patient, Findings findings);
}
