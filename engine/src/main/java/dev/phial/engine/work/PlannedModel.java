package dev.phial.engine.work;

import dev.phial.engine.convert.Order;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import java.util.List;

/** An open model, and what is to be made of it. */
record PlannedModel(Checkpoint checkpoint, List<Order> orders) implements AutoCloseable {
  static PlannedModel open(ModelPlace model, List<OrderSpec> specs, Place place) {
    Checkpoint checkpoint = model.open(place);
    try {
      model.check(checkpoint);
      ModelDescription description = Families.describe(checkpoint);
      return new PlannedModel(
          checkpoint, specs.stream().map(spec -> spec.order(checkpoint, description)).toList());
    } catch (Throwable e) {
      checkpoint.close();
      throw e;
    }
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
