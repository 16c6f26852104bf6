package dev.phial.targets.layout;

import dev.phial.model.Weight;
import java.util.List;

/** Makes the blocks of an output, and has them laid down elsewhere. */
final class BlockSink implements Sink {
  private final Uses uses = new Uses();

  BlockSink(Layout layout, Blocks to) {
    List<Region> regions = layout.regions();
    for (int i = 0; i < regions.size(); i++) {
      int region = i;
      uses.add(
          regions.get(i).tensor(),
          layout.choosing(),
          (blocks, row, rows) -> to.put(region, blocks, row, rows));
    }
  }

  @Override
  public List<Weight> weights() {
    return uses.weights();
  }

  @Override
  public boolean needsValues(Weight weight) {
    return uses.needsValues(weight);
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    uses.accept(weight, first, count, values);
  }

  /** Nothing appears here. */
  @Override
  public void commit() {}

  @Override
  public void close() {}
}
