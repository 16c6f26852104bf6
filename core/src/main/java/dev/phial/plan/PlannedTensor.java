package dev.phial.plan;

import dev.phial.model.Weight;
import dev.phial.quant.Format;
import dev.phial.tensor.Shape;

/**
 * What becomes of a parameter.
 *
 * @param name in the output
 */
public record PlannedTensor(String name, Weight weight, Format format) {
  /**
   * With the shape it has in the output, where matrices may be joined or cut apart.
   *
   * @param weight what it is made of, the first of several
   */
  public static PlannedTensor of(String name, Weight weight, Shape shape, Format format) {
    return new PlannedTensor(
        name,
        new Weight(weight.name(), weight.layer(), weight.part(), shape, weight.slices()),
        format);
  }

  /** Bytes in the output, without padding. */
  public long bytes() {
    return format.bytes(weight.shape().elements());
  }

  /** Whether the bytes of the checkpoint are taken over as they are. */
  public boolean isCopied() {
    return weight.isPlain() && weight.encoding().name().equals(format.name());
  }
}
