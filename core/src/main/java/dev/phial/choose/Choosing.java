package dev.phial.choose;

import dev.phial.model.Rows;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Format;
import dev.phial.quant.GridFormat;

/**
 * How the codes of an output are chosen: the one place that decides it, for all tensors of all
 * targets.
 *
 * @param remedy what to do about numbers that a format cannot hold, for messages
 */
public record Choosing(Method method, Importance importance, String remedy) {
  /**
   * What makes the blocks of a planned tensor.
   *
   * @param rows the ones of its sources that it will be given
   */
  public Chooser chooser(PlannedTensor tensor, Rows rows) {
    Format format = tensor.format();
    if (tensor.isCopied() && tensor.shape().rank() > 1) {
      return new Copied(rows.weight(), format.blockSize() == 1);
    }
    if (tensor.recoding().isPresent()) {
      return new Kept(rows.weight(), tensor, tensor.recoding().get());
    }
    if (method == Method.SEARCH
        && format instanceof GridFormat grid
        && grid.grid().pairLimit() == 0) {
      return new Search(tensor, rows.weight(), grid, importance);
    }
    return new Reference(tensor, rows.weight(), importance, method == Method.KEEP, remedy);
  }
}
