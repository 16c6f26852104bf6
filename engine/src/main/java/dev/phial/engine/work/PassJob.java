package dev.phial.engine.work;

import dev.phial.engine.convert.Order;
import dev.phial.targets.Share;
import dev.phial.targets.layout.Blocks;
import dev.phial.targets.layout.Sink;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes the blocks of a share of a pass. A task writes, for each stretch of rows, five numbers —
 * output, region, row, rows, bytes — and the blocks, as {@link PlacedBlocks} reads them.
 *
 * @param key of the open model, see {@link Lease}
 */
record PassJob(String key, ModelPlace model, List<OrderSpec> orders) implements Job<Share> {
  @Override
  public String title() {
    return "quantize " + model.path();
  }

  @Override
  public long amount(Share share) {
    return share.parameters();
  }

  @Override
  public String unit() {
    return "weights";
  }

  @Override
  public void run(Share share, Place place, DataOutputStream out) throws IOException {
    try (Lease<PlannedModel> lease = Lease.of(key, () -> PlannedModel.open(model, orders, place))) {
      PlannedModel planned = lease.value();
      model.check(planned.checkpoint());
      List<Sink> sinks = new ArrayList<>();
      for (Order order : planned.orders()) {
        int output = sinks.size();
        sinks.add(order.layout().encode(writing(output, out)));
      }
      share.run(sinks);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static Blocks writing(int output, DataOutputStream out) {
    return (region, blocks, row, rows) -> {
      try {
        new PlacedBlocks(output, region, row, rows, blocks).write(out);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }
}
