package dev.phial.tensor;

import java.util.List;

/** Where the rows of a tensor lie, if not one after the other in its data. */
public sealed interface Layout {
  /** The data begins with row 0; the next row is {@code step} rows further. */
  record Every(long step) implements Layout {}

  /**
   * The data is a transposed matrix, {@code [columns, all]}; row 0 is its column {@code first}.
   *
   * @param all elements of a row of the data
   */
  record Columns(long first, long all) implements Layout {}

  /** There is no data; the rows are those of {@code parts}, one tensor after the other. */
  record Stack(List<Tensor> parts) implements Layout {
    public Stack {
      parts = List.copyOf(parts);
    }
  }
}
