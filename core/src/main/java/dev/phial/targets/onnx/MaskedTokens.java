package dev.phial.targets.onnx;

import dev.phial.targets.layout.Content;
import java.util.List;

/** Which tokens are never predicted: a byte of 0 or 1 for each, {@code [vocabulary]}. */
final class MaskedTokens {
  static final String NAME = "logits_mask";

  private MaskedTokens() {}

  static Initializer initializer(int vocabulary) {
    return Initializer.of(NAME, OnnxType.BOOL, vocabulary);
  }

  static Content content(int vocabulary, List<Integer> unused) {
    byte[] bytes = new byte[vocabulary];
    for (int token : unused) {
      if (token >= 0 && token < vocabulary) {
        bytes[token] = 1;
      }
    }
    return Content.of(bytes);
  }
}
