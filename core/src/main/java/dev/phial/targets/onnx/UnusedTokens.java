package dev.phial.targets.onnx;

import java.util.List;

/** Which tokens are never predicted: a byte of 0 or 1 for each, {@code [vocabulary]}. */
final class UnusedTokens extends Storage {
  static final String NAME = "logits_mask";

  private final int vocabulary;
  private final List<Integer> unused;

  UnusedTokens(int vocabulary, List<Integer> unused) {
    super(List.of(Initializer.of(NAME, OnnxType.BOOL, vocabulary)));
    this.vocabulary = vocabulary;
    this.unused = unused;
  }

  @Override
  void begin(DataFile file) {
    byte[] bytes = new byte[vocabulary];
    for (int token : unused) {
      if (token >= 0 && token < vocabulary) {
        bytes[token] = 1;
      }
    }
    file.write(initializers().getFirst(), bytes, 0);
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int rows) {
    throw new AssertionError("no parameter belongs here");
  }
}
