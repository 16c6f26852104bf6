package dev.phial.targets.openvino;

import dev.phial.io.AtomicFolder;
import dev.phial.io.OutputFile;
import dev.phial.model.Weight;
import dev.phial.quant.Recoding;
import dev.phial.targets.Carry;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import dev.phial.tensor.CodedRows;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;

/** Writes a folder; every stretch of rows goes where the graph says. */
final class OpenvinoSink implements Sink {
  private final Manifest manifest;
  private final AtomicFolder folder;
  private final OutputFile data;
  private final IdentityHashMap<Weight, List<Stored>> uses = new IdentityHashMap<>();
  private final List<Weight> weights = new ArrayList<>();

  OpenvinoSink(OpenvinoJob job, Path output, boolean replace) {
    manifest = job.manifest();
    folder = AtomicFolder.create(output, replace);
    try {
      job.texts().forEach(folder::write);
      job.companions().forEach(folder::copy);
      data = folder.file(OpenvinoJob.DATA);
      job.model().graph().contents().forEach((offset, bytes) -> write(offset, bytes));
      for (Stored stored : job.model().stored()) {
        uses.computeIfAbsent(
                stored.weight(),
                weight -> {
                  weights.add(weight);
                  return new ArrayList<>();
                })
            .add(
                new Stored(
                    stored.weight(), stored.first(), stored.rows(), stored.storage().again()));
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private void write(long offset, byte[] bytes) {
    data.write(ByteBuffer.wrap(bytes), offset);
  }

  @Override
  public List<Weight> weights() {
    return weights;
  }

  @Override
  public boolean needsValues(Weight weight) {
    return uses.getOrDefault(weight, List.of()).stream()
        .anyMatch(use -> use.storage().recoding().isEmpty());
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    // a vector is one row; its elements are what is placed
    boolean isVector = weight.shape().rank() == 1;
    long start = isVector ? 0 : first;
    long end = isVector ? weight.shape().columns() : first + count;
    int columns = isVector ? 1 : Math.toIntExact(weight.shape().columns());
    for (Stored use : uses.getOrDefault(weight, List.of())) {
      long from = Math.max(start, use.first());
      int rows = (int) (Math.min(end, use.first() + use.rows()) - from);
      if (rows > 0) {
        Optional<Recoding> recoding = use.storage().recoding();
        if (recoding.isPresent()) {
          CodedRows codes = Carry.read(weight, from, rows, recoding.get(), use.storage().name());
          use.storage().carry(data, recoding.get().unsigned(codes), from - use.first(), rows);
        } else {
          int at = Math.toIntExact((from - start) * columns);
          use.storage().write(data, values, at, from - use.first(), rows);
        }
      }
    }
  }

  @Override
  public void commit() {
    manifest.addTo(folder);
    folder.commit();
  }

  @Override
  public void close() {
    folder.close();
  }
}
