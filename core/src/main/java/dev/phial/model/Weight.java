package dev.phial.model;

import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.List;

/**
 * One parameter of a model and where its rows lie.
 *
 * @param layer from 0; -1 outside the layers
 * @param shape outermost dimension first: {@code [rows, columns]}, {@code [experts, rows, columns]}
 *     or {@code [n]}
 * @param slices tensors of one encoding that stand for the rows, one after the other
 */
public record Weight(TensorName name, int layer, Part part, Shape shape, List<Tensor> slices) {
  public Weight {
    slices = List.copyOf(slices);
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

  /** Bytes of a row as {@link #copy} gives it. */
  public long rowBytes() {
    return slices.getFirst().rowBytes();
  }

  /** Whether the bytes of the slices, one after the other, are the parameter in its encoding. */
  public boolean isPlain() {
    return slices.stream().allMatch(Tensor::isPlain);
  }

  /**
   * Decodes whole rows.
   *
   * @param to receives {@code count × columns} floats from 0
   */
  public void read(long first, int count, float[] to) {
    int columns = Math.toIntExact(shape.columns());
    long sliceStart = 0;
    long next = first;
    for (Tensor slice : slices) {
      long sliceEnd = sliceStart + slice.shape().rows();
      if (next < first + count && next < sliceEnd) {
        int rows = (int) (Math.min(first + count, sliceEnd) - next);
        slice.read(next - sliceStart, rows, to, (int) (next - first) * columns);
        next += rows;
      }
      sliceStart = sliceEnd;
    }
  }

  /**
   * Copies the encoded bytes of whole rows; where not {@link #isPlain}, the codes without scales.
   */
  public void copy(long first, int count, byte[] to) {
    long rowBytes = rowBytes();
    long sliceStart = 0;
    long next = first;
    for (Tensor slice : slices) {
      long sliceEnd = sliceStart + slice.shape().rows();
      if (next < first + count && next < sliceEnd) {
        long rows = Math.min(first + count, sliceEnd) - next;
        slice.copy(next - sliceStart, (int) rows, to, Math.toIntExact((next - first) * rowBytes));
        next += rows;
      }
      sliceStart = sliceEnd;
    }
  }
}
