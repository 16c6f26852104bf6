package dev.phial.engine.work;

import dev.phial.PhialException;
import dev.phial.engine.convert.Order;
import dev.phial.io.Progress;
import dev.phial.targets.Outputs;
import dev.phial.targets.Request;
import dev.phial.targets.Share;
import dev.phial.targets.layout.FileSink;
import dev.phial.targets.layout.Sink;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A pass whose blocks other machines make; this one lays them down. The outputs are those of a pass
 * that is done here, byte for byte: the same pieces are encoded by the same code.
 */
public final class SharedPass {
  /** Bytes of the checkpoint in a task: some seconds of work, and few files. */
  private static final long TASK = 64 << 20;

  private final Workers workers;

  public SharedPass(Workers workers) {
    this.workers = workers;
  }

  /**
   * Refuses what only one machine can do.
   *
   * @throws PhialException.Unsupported if codes are chosen by running the model
   */
  public static void check(Order order) {
    Request request = order.request();
    if (request.method().readsText()) {
      throw new PhialException.Unsupported(
          "--method %s: expected a method that looks at each row by itself, found one that runs the model; it needs one machine, without phial spark"
              .formatted(request.method().label()));
    }
  }

  /**
   * Runs the pass and commits the sinks.
   *
   * @param sinks of the layouts of the orders, which are of one model
   * @return the failures of single sinks
   * @throws PhialException if the checkpoint cannot be read, holds NaN or infinity, or is another
   *     on other machines
   */
  public Map<Sink, PhialException> run(
      List<Order> orders, List<FileSink> sinks, Progress progress) {
    List<Sink> all = List.copyOf(sinks);
    List<Share> shares = Share.of(all, TASK);
    Outputs outputs = new Outputs(all);
    ModelPlace model = ModelPlace.of(orders.getFirst().request().checkpoint(), workers);
    PassJob job = new PassJob(Lease.newKey(), model, orders.stream().map(OrderSpec::of).toList());
    long bytes = shares.stream().mapToLong(Share::bytes).sum();
    try (Progress.Stage stage = progress.begin(Progress.Unit.BYTES, bytes)) {
      workers.run(
          job,
          shares,
          (task, written) -> {
            layDown(written, sinks, outputs);
            stage.advance(shares.get(task).name(), shares.get(task).bytes());
          });
    }
    return outputs.commit();
  }

  private static void layDown(InputStream written, List<FileSink> sinks, Outputs outputs)
      throws IOException {
    DataInputStream in = new DataInputStream(new BufferedInputStream(written));
    for (Optional<PlacedBlocks> next = PlacedBlocks.read(in);
        next.isPresent();
        next = PlacedBlocks.read(in)) {
      PlacedBlocks found = next.get();
      FileSink sink = sinks.get(found.output());
      outputs.attempt(
          sink, () -> sink.put(found.region(), found.blocks(), found.row(), found.rows()));
    }
  }
}
