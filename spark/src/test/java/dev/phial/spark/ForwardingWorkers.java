package dev.phial.spark;

import dev.phial.engine.work.Delivery;
import dev.phial.engine.work.Workers;
import dev.phial.source.Checkpoint;
import java.util.function.LongConsumer;

/** Workers that let others do all but what a test meddles with. */
interface ForwardingWorkers extends Workers {
  Workers workers();

  @Override
  default Checkpoint open(String where) {
    return workers().open(where);
  }

  @Override
  default String whereIs(Checkpoint checkpoint) {
    return workers().whereIs(checkpoint);
  }

  @Override
  default void check(Delivery delivery, long bytes) {
    workers().check(delivery, bytes);
  }

  @Override
  default void deliver(Delivery delivery, LongConsumer copied) {
    workers().deliver(delivery, copied);
  }
}
