package dev.phial.targets.layout;

import dev.phial.choose.Chooser;
import dev.phial.choose.Choosing;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Stretch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * A sink that makes blocks of what it takes: which rows of each parameter go to which tensors, who
 * makes the blocks, and who takes these.
 */
abstract class EncodingSink implements Sink {
  private final IdentityHashMap<Weight, List<Use>> uses = new IdentityHashMap<>();
  private final List<Weight> weights = new ArrayList<>();

  private record Use(PlannedTensor tensor, Stretch source, Chooser chooser, Store.Writing to) {}

  /** Adds all sources of a tensor. */
  final void add(PlannedTensor tensor, Choosing choosing, Store.Writing to) {
    for (Stretch source : tensor.sources()) {
      Weight weight = source.rows().weight();
      if (!uses.containsKey(weight)) {
        weights.add(weight);
      }
      uses.computeIfAbsent(weight, w -> new ArrayList<>())
          .add(new Use(tensor, source, choosing.chooser(tensor, source), to));
    }
  }

  /** Each once, in the order in which they were added. */
  @Override
  public final List<Weight> weights() {
    return weights;
  }

  /** Whether somebody looks at the numbers of a parameter. */
  @Override
  public final boolean needsValues(Weight weight) {
    return of(weight).stream().anyMatch(use -> use.chooser.needsValues());
  }

  private List<Use> of(Weight weight) {
    List<Use> found = uses.get(weight);
    if (found == null) {
      throw new IllegalArgumentException("not asked for " + weight.ggufName());
    }
    return found;
  }

  @Override
  public final void accept(Weight weight, long first, int count, float[] values) {
    // a vector is one row; its elements are what is placed
    boolean isVector = weight.shape().rank() == 1;
    long start = isVector ? 0 : first;
    long end = isVector ? weight.shape().columns() : first + count;
    for (Use use : of(weight)) {
      Rows rows = use.source.rows();
      long from = Math.max(start, rows.first());
      int number = (int) (Math.min(end, rows.first() + rows.count()) - from);
      if (number > 0) {
        int at = Math.toIntExact((from - start) * use.tensor.columns());
        byte[] blocks = use.chooser.encode(from, number, values, at);
        put(use, blocks, from - rows.first(), number);
      }
    }
  }

  /**
   * Rows that go to places apart are given one by one.
   *
   * @param row of the source, the first of {@code count}
   */
  private static void put(Use use, byte[] blocks, long row, int count) {
    Stretch source = use.source;
    if (source.step() == 1) {
      use.to.put(blocks, source.to() + row, count);
      return;
    }
    int rowBytes = Math.toIntExact(use.tensor.rowBytes());
    for (int i = 0; i < count; i++) {
      byte[] one = Arrays.copyOfRange(blocks, i * rowBytes, (i + 1) * rowBytes);
      use.to.put(one, source.to() + (row + i) * source.step(), 1);
    }
  }
}
