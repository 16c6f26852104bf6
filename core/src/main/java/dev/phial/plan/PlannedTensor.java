package dev.phial.plan;

import dev.phial.model.Weight;
import dev.phial.quant.Format;

/**
 * What becomes of a parameter.
 *
 * @param name in the output
 */
public record PlannedTensor(String name, Weight weight, Format format) {
  /** Bytes in the output, without padding. */
  public long bytes() {
    return format.bytes(weight.shape().elements());
  }

  /** Whether the bytes of the checkpoint are taken over as they are. */
  public boolean isCopied() {
    return weight.isPlain() && weight.encoding().name().equals(format.name());
  }
}
