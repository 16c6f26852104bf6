package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.io.AtomicFolder;
import dev.phial.io.OutputFile;
import dev.phial.model.Weight;
import dev.phial.quant.Recoding;
import dev.phial.targets.Carry;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import dev.phial.tensor.CodedRows;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.ModelProto;

/** Writes a folder; every stretch of rows goes where the graph says. */
final class OnnxSink implements Sink {
  private final OnnxModel model;
  private final Manifest manifest;
  private final AtomicFolder folder;
  private final DataFile data;
  private final IdentityHashMap<Weight, List<Use>> uses = new IdentityHashMap<>();
  private final List<Weight> weights = new ArrayList<>();

  private record Use(Storage storage, Stored.Source source) {}

  OnnxSink(
      OnnxModel model,
      Map<String, byte[]> smallFiles,
      Manifest manifest,
      Path output,
      boolean replace) {
    this.model = model;
    this.manifest = manifest;
    folder = AtomicFolder.create(output, replace);
    try {
      smallFiles.forEach(folder::write);
      model.graphs().forEach(this::writeGraph);
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

  private void writeGraph(String name, ModelProto graph) {
    OutputFile file = folder.file(name);
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
      graph.writeTo(out);
    } catch (IOException e) {
      throw new PhialException.OutputFailed("the graph could not be written", e);
    }
  }

  private void addUses(Stored entry) {
    for (Stored.Source source : entry.sources()) {
      uses.computeIfAbsent(
              source.weight(),
              weight -> {
                weights.add(weight);
                return new ArrayList<>();
              })
          .add(new Use(entry.storage(), source));
    }
  }

  @Override
  public List<Weight> weights() {
    return weights;
  }

  @Override
  public boolean needsValues(Weight weight) {
    return uses.getOrDefault(weight, List.of()).stream()
        .anyMatch(use -> use.storage.recoding().isEmpty());
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    // a vector is one row; its elements are what is placed
    boolean isVector = weight.shape().rank() == 1;
    long start = isVector ? 0 : first;
    long end = isVector ? weight.shape().columns() : first + count;
    int columns = isVector ? 1 : Math.toIntExact(weight.shape().columns());
    for (Use use : uses.getOrDefault(weight, List.of())) {
      Stored.Source source = use.source;
      long from = Math.max(start, source.first());
      long rows = Math.min(end, source.first() + source.count()) - from;
      if (rows > 0) {
        int row = Math.toIntExact(from - source.first());
        if (use.storage.recoding().isPresent()) {
          carry(use, weight, from, row, (int) rows);
          continue;
        }
        int at = Math.toIntExact((from - start) * columns);
        if (source.scaling().isNone()) {
          write(use, values, at, row, (int) rows, columns);
        } else {
          float[] scaled = Arrays.copyOfRange(values, at, at + (int) rows * columns);
          source.scaling().apply(scaled, 0, row, (int) rows, columns);
          write(use, scaled, 0, row, (int) rows, columns);
        }
      }
    }
  }

  /** Rows that go to places apart are given one by one. */
  private static int stretch(Use use, int count) {
    return use.source.step() == 1 ? count : 1;
  }

  /**
   * @param first row of the parameter
   * @param row of the source, the first of {@code count}
   */
  private void carry(Use use, Weight weight, long first, int row, int count) {
    Recoding recoding = use.storage.recoding().orElseThrow();
    String name = use.storage.initializers().getFirst().name();
    int stretch = stretch(use, count);
    for (int i = 0; i < count; i += stretch) {
      CodedRows codes = Carry.read(weight, first + i, stretch, recoding, name);
      long to = use.source.to() + (long) (row + i) * use.source.step();
      use.storage.carry(data, recoding.unsigned(codes), to, stretch);
    }
  }

  /**
   * @param row of the source, the first of {@code count}
   */
  private void write(Use use, float[] values, int at, int row, int count, int columns) {
    if (model.exact()) {
      String name = use.storage.initializers().getFirst().name();
      Carry.checkExact(name, use.storage.type(), values, at, count * columns);
    }
    int stretch = stretch(use, count);
    for (int i = 0; i < count; i += stretch) {
      long to = use.source.to() + (long) (row + i) * use.source.step();
      use.storage.write(data, values, at + i * columns, to, stretch);
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
