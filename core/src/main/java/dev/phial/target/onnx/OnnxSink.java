package dev.phial.target.onnx;

import dev.phial.PhialException;
import dev.phial.graph.Matrix;
import dev.phial.graph.Vector;
import dev.phial.io.AtomicFolder;
import dev.phial.io.OutputFile;
import dev.phial.model.Weight;
import dev.phial.target.Sink;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** Writes a folder; every stretch of rows goes where the graph says. */
final class OnnxSink implements Sink {
  private final AtomicFolder folder;
  private final DataFile data;
  private final IdentityHashMap<Weight, List<Use>> uses = new IdentityHashMap<>();
  private final List<Weight> weights = new ArrayList<>();

  /**
   * Where some rows of a parameter go; for a vector, some elements.
   *
   * @param first of the parameter
   * @param to first of the storage
   */
  private record Use(Storage storage, long first, long count, long to, boolean isVector) {}

  OnnxSink(OnnxModel model, Map<String, byte[]> smallFiles, Path output, boolean replace) {
    folder = AtomicFolder.create(output, replace);
    try {
      smallFiles.forEach(folder::write);
      writeGraph(model);
      List<Initializer> initializers =
          model.stored().stream()
              .flatMap(entry -> entry.storage().initializers().stream())
              .toList();
      data = new DataFile(folder.file(DataFile.NAME), DataFile.offsets(initializers));
      for (Stored entry : model.stored()) {
        entry.storage().begin(data);
        addUses(entry);
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private void writeGraph(OnnxModel model) {
    OutputFile file = folder.file(GenaiConfig.GRAPH);
    try (OutputStream out =
        new OutputStream() {
          private long position;

          @Override
          public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
          }

          @Override
          public void write(byte[] bytes, int from, int count) {
            file.write(ByteBuffer.wrap(bytes, from, count), position);
            position += count;
          }
        }) {
      model.proto().writeTo(out);
    } catch (IOException e) {
      throw new PhialException.OutputFailed("the graph could not be written", e);
    }
  }

  private void addUses(Stored entry) {
    long to = 0;
    for (Matrix.Rows rows : entry.matrices()) {
      add(rows.weight(), new Use(entry.storage(), rows.first(), rows.count(), to, false));
      to += rows.count();
    }
    for (Vector.Stretch stretch : entry.vectors()) {
      add(stretch.weight(), new Use(entry.storage(), stretch.first(), stretch.count(), to, true));
      to += stretch.count();
    }
  }

  private void add(Weight weight, Use use) {
    uses.computeIfAbsent(
            weight,
            w -> {
              weights.add(w);
              return new ArrayList<>();
            })
        .add(use);
  }

  @Override
  public List<Weight> weights() {
    return weights;
  }

  @Override
  public boolean needsValues(Weight weight) {
    return true;
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    for (Use use : uses.getOrDefault(weight, List.of())) {
      if (use.isVector) {
        use.storage.write(
            data, values, Math.toIntExact(use.first), use.to, Math.toIntExact(use.count));
        continue;
      }
      long from = Math.max(first, use.first);
      long end = Math.min(first + count, use.first + use.count);
      if (from < end) {
        int columns = Math.toIntExact(weight.shape().columns());
        use.storage.write(
            data,
            values,
            Math.toIntExact((from - first) * columns),
            use.to + from - use.first,
            Math.toIntExact(end - from));
      }
    }
  }

  @Override
  public void commit() {
    folder.commit();
  }

  @Override
  public void close() {
    folder.close();
  }
}
