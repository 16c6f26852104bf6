package dev.phial.model;

import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * One parameter of a model and where its rows lie.
 *
 * @param layer from 0; -1 outside the layers
 * @param shape outermost dimension first: {@code [rows, columns]}, {@code [experts, rows, columns]}
 *     or {@code [n]}
 * @param slices tensors of one encoding that stand for the rows, one after the other
 * @param scaling of the numbers in them, which {@link #read} applies
 */
public record Weight(
    TensorName name, int layer, Part part, Shape shape, List<Tensor> slices, Scaling scaling) {
  public Weight {
    slices = List.copyOf(slices);
  }

  /** A parameter as its tensors have it. */
  public Weight(TensorName name, int layer, Part part, Shape shape, List<Tensor> slices) {
    this(name, layer, part, shape, slices, Scaling.NONE);
  }

  /**
   * Multiplies the numbers of a parameter whose numbers are not scaled yet.
   *
   * @throws IllegalStateException if they are
   */
  public Weight scaled(Scaling by) {
    if (!scaling.isNone()) {
      throw new IllegalStateException(ggufName() + " is scaled already");
    }
    return new Weight(name, layer, part, shape, slices, by);
  }

  public Role role() {
    return name.role();
  }

  public Encoding encoding() {
    return slices.getFirst().encoding();
  }

  /** As the checkpoint calls it; of a stack of experts, with {@code {}} for the expert. */
  public String huggingFaceName() {
    return name.huggingFace(layer, part);
  }

  public String ggufName() {
    return name.gguf(layer, part);
  }

  public String mlxName() {
    return name.mlx(layer, part);
  }

  /** Rows of one matrix; an expert stack has as many matrices as experts. */
  public long matrixRows() {
    return shape.rank() < 3 ? shape.rows() : shape.dimensions().get(shape.rank() - 2);
  }

  /** Bytes in the checkpoint. */
  public long bytes() {
    return slices.stream().mapToLong(Tensor::bytes).sum();
  }

  /** Bytes in the checkpoint, with those of its scales. */
  public long storedBytes() {
    return slices.stream().mapToLong(Tensor::storedBytes).sum();
  }

  /** Bytes of a row as {@link #copy} gives it. */
  public long rowBytes() {
    return slices.getFirst().rowBytes();
  }

  /** Whether the bytes of the slices, one after the other, are the parameter in its encoding. */
  public boolean isPlain() {
    return scaling.isNone() && slices.stream().allMatch(Tensor::isPlain);
  }

  /**
   * Decodes whole rows.
   *
   * @param to receives {@code count × columns} floats from 0
   */
  public void read(long first, int count, float[] to) {
    int columns = Math.toIntExact(shape.columns());
    forEachSlice(
        first, count, (slice, row, rows, done) -> slice.read(row, rows, to, done * columns));
    if (!scaling.isNone()) {
      scaling.apply(to, first, count, columns);
    }
  }

  /**
   * Copies the encoded bytes of whole rows; where not {@link #isPlain}, the codes without scales.
   */
  public void copy(long first, int count, byte[] to) {
    long rowBytes = rowBytes();
    forEachSlice(
        first,
        count,
        (slice, row, rows, done) -> slice.copy(row, rows, to, Math.toIntExact(done * rowBytes)));
  }

  /** How it is made of integers, if all of it is so in one way. */
  public Optional<Coding> coding() {
    if (!scaling.isNone()) {
      return Optional.empty();
    }
    List<Optional<Coding>> codings = slices.stream().map(Tensor::coding).distinct().toList();
    return codings.size() == 1 ? codings.getFirst() : Optional.empty();
  }

  /**
   * Reads whole rows as the integers they are made of.
   *
   * @param coding of this parameter
   */
  public CodedRows readCodes(long first, int count, Coding coding) {
    CodedRows rows = CodedRows.of(count, Math.toIntExact(shape.columns()), coding.groupSize());
    forEachSlice(
        first, count, (slice, row, number, done) -> slice.readCodes(row, number, rows, done));
    return rows;
  }

  private interface SliceReader {
    /**
     * @param row of the slice
     * @param done rows before these
     */
    void read(Tensor slice, long row, int count, int done);
  }

  private void forEachSlice(long first, int count, SliceReader reader) {
    long start = 0;
    long next = first;
    for (Tensor slice : slices) {
      long end = start + slice.shape().rows();
      if (next < first + count && next < end) {
        int rows = (int) (Math.min(first + count, end) - next);
        reader.read(slice, next - start, rows, (int) (next - first));
        next += rows;
      }
      start = end;
    }
  }
}
