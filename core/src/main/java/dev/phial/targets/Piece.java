package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.kernel.Kernels;
import dev.phial.model.Weight;
import dev.phial.targets.layout.Sink;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

/** Some rows of one matrix, and who wants them. */
record Piece(Weight weight, long first, int count, List<Sink> sinks) {
  /** Whether it is where its parameter begins. */
  boolean isFirst() {
    return first == 0;
  }

  /** The files that its rows lie in. */
  Stream<Path> files() {
    Stream.Builder<Path> found = Stream.builder();
    long start = 0;
    for (Tensor slice : weight.slices()) {
      long end = start + slice.shape().rows();
      if (start < first + count && first < end) {
        found.add(slice.file());
      }
      start = end;
    }
    return found.build();
  }

  /** Where its rows begin, in the order of a file. */
  long address() {
    return weight.slices().getFirst().data().address() + first;
  }

  /** Bytes of the checkpoint that are read for it. */
  long bytes() {
    return weight.bytes() * count / Math.max(1, weight.shape().rows());
  }

  private int elements() {
    return Math.toIntExact(count * weight.shape().columns());
  }

  /** An array for its values: the one given, if it is long enough. */
  float[] roomIn(float[] values) {
    return elements() > values.length ? new float[elements()] : values;
  }

  /**
   * Reads the values, if a sink wants them.
   *
   * @throws PhialException.BadInput if one is NaN or infinite
   */
  void read(float[] values) {
    if (sinks.stream().noneMatch(sink -> sink.needsValues(weight))) {
      return;
    }
    weight.read(first, count, values);
    int bad = Kernels.best().firstNonFinite(values, 0, elements());
    if (bad >= 0) {
      long columns = weight.shape().columns();
      throw notFinite(first + bad / columns, bad % columns, values[bad]);
    }
  }

  private PhialException notFinite(long row, long column, float found) {
    long rowOfSlice = row;
    Iterator<Tensor> slices = weight.slices().iterator();
    Tensor slice = slices.next();
    while (rowOfSlice >= slice.shape().rows()) {
      rowOfSlice -= slice.shape().rows();
      slice = slices.next();
    }
    return new PhialException.BadInput(
        "%s: tensor %s: expected finite numbers, found %s in row %d, column %d; the checkpoint is damaged or overflowed in training"
            .formatted(slice.file(), slice.name(), found, rowOfSlice, column));
  }

  /** Hands what was read to one of the sinks. */
  void give(Sink sink, float[] values) {
    sink.accept(weight, first, count, values);
  }
}
