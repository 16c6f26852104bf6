package dev.phial.targets.layout;

import java.util.List;

/** Makes the blocks of an output, and has them laid down elsewhere. */
final class BlockSink extends EncodingSink {
  BlockSink(Layout layout, Blocks to) {
    List<Region> regions = layout.regions();
    for (int i = 0; i < regions.size(); i++) {
      int region = i;
      add(
          regions.get(i).tensor(),
          layout.choosing(),
          (blocks, row, rows) -> to.put(region, blocks, row, rows));
    }
  }

  /** Nothing appears here. */
  @Override
  public void commit() {}

  @Override
  public void close() {}
}
