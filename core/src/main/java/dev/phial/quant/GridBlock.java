package dev.phial.quant;

/**
 * One block in the terms of a {@link Grid}, to be laid down; used again and again.
 *
 * <p>{@link #codes} are what {@link Points#code} gives. Of two levels, {@link #scale} and {@link
 * #minimum} are those of the block, {@link #scales} and {@link #minima} the whole numbers of its
 * groups. Of one level, {@link #minimum} is an offset that is a number, and {@code minima[0]} the
 * code of a zero point.
 */
public final class GridBlock implements Levels {
  public final int[] codes;
  public final int[] scales;
  public final int[] minima;
  public float scale;
  public float minimum;

  private final int groupSize;

  public GridBlock(Grid grid) {
    groupSize = grid.groupSize();
    codes = new int[grid.blockSize()];
    scales = new int[grid.groups()];
    minima = new int[grid.groups()];
  }

  @Override
  public int level(int group, int i) {
    return codes[group * groupSize + i];
  }
}
