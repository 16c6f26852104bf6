package dev.phial.quant;

/** A format whose blocks are points of a grid. */
public interface GridFormat extends Format {
  Grid grid();

  /** Whether its readers take such a scale. */
  default boolean takes(float scale) {
    return true;
  }

  /**
   * Lays a block down.
   *
   * @param to receives {@link #blockBytes} bytes from {@code at}
   */
  void lay(GridBlock block, byte[] to, int at);
}
