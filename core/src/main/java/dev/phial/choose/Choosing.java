package dev.phial.choose;

import dev.phial.model.Rows;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Stretch;
import dev.phial.quant.Format;
import dev.phial.quant.GridFormat;
import java.util.Optional;

/**
 * How the codes of an output are chosen: the one place that decides it, for all tensors of all
 * targets.
 *
 * @param remedy what to do about numbers that a format cannot hold, for messages
 * @param chosen what need not be chosen any more
 */
public record Choosing(Method method, Importance importance, String remedy, Chosen chosen) {
  /** Blocks that have been chosen already. */
  @FunctionalInterface
  public interface Chosen {
    /** Those of rows of a tensor, if there are any. */
    Optional<Chooser> of(PlannedTensor tensor, Stretch source);
  }

  public Choosing(Method method, Importance importance, String remedy) {
    this(method, importance, remedy, (tensor, source) -> Optional.empty());
  }

  /** This choice, but for what has been chosen already. */
  public Choosing with(Chosen already) {
    return new Choosing(method, importance, remedy, already);
  }

  /**
   * What makes the blocks of a planned tensor.
   *
   * @param source the one that it will be given the rows of
   */
  public Chooser chooser(PlannedTensor tensor, Stretch source) {
    return chosen.of(tensor, source).orElseGet(() -> chooser(tensor, source.rows()));
  }

  private Chooser chooser(PlannedTensor tensor, Rows rows) {
    Format format = tensor.format();
    if (tensor.isCopied() && tensor.shape().rank() > 1) {
      return new Copied(rows.weight(), format.blockSize() == 1);
    }
    if (tensor.recoding().isPresent()) {
      return new Kept(rows.weight(), tensor, tensor.recoding().get());
    }
    if (method.searches() && format instanceof GridFormat grid && grid.grid().pairLimit() == 0) {
      return new Search(tensor, rows.weight(), grid, importance);
    }
    return new Reference(tensor, rows.weight(), importance, method == Method.KEEP, remedy);
  }
}
