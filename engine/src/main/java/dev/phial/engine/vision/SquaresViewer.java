package dev.phial.engine.vision;

import dev.phial.engine.run.VisionEncoder;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.model.VisionRole;
import java.util.Arrays;

/**
 * Looks at squares of an image, each for itself, and at all of it in one square. The rows of four
 * patches become one; then come those of the parts, row by row of the image with something at the
 * end of each, something between, and those of the whole in the same way.
 */
final class SquaresViewer implements Viewer {
  private final VisionEncoder encoder;
  private final Vision vision;
  private final Squares squares;

  SquaresViewer(VisionEncoder encoder, Squares squares) {
    this.encoder = encoder;
    this.vision = encoder.vision();
    this.squares = squares;
  }

  @Override
  public VisionKind kind() {
    return vision.kind();
  }

  @Override
  public float[] look(Picture picture) {
    Squares.Cut cut = squares.cut(picture);
    int side = squares.side();
    int patches = vision.side();
    int rows = (cut.usedRows() + 1) / 2;
    int columns = (cut.usedColumns() + 1) / 2;
    Rows parts = new Rows(rows, columns);
    for (int top = 0; top < cut.usedRows(); top += patches) {
      for (int left = 0; left < cut.usedColumns(); left += patches) {
        Pixels square = cut.pixels().square(top * vision.patch(), left * vision.patch(), side);
        int usedRows = Math.min(patches, cut.usedRows() - top);
        int usedColumns = Math.min(patches, cut.usedColumns() - left);
        parts.put(look(square, usedRows, usedColumns), top / 2, left / 2);
      }
    }
    Rows whole = new Rows(patches / 2, patches / 2);
    whole.put(look(cut.pixels().cubic(side, side), patches, patches), 0, 0);
    float[] all = join(parts, whole);
    return encoder.project(all, all.length / parts.depth);
  }

  /** The rows of all patches of a square. */
  private float[] look(Pixels square, int usedRows, int usedColumns) {
    int count = vision.side() * vision.side();
    boolean[] isSeen = new boolean[count];
    float[] places = new float[count * vision.hidden()];
    int before = vision.kind() == VisionKind.CLIP ? 1 : 0; // that of the class
    for (int i = 0; i < count; i++) {
      int row = i / vision.side();
      int column = i % vision.side();
      isSeen[i] = row < usedRows && column < usedColumns;
      int place = isSeen[i] ? place(row, usedRows) * vision.side() + place(column, usedColumns) : 0;
      System.arraycopy(
          encoder.positions(),
          (before + place) * vision.hidden(),
          places,
          i * vision.hidden(),
          vision.hidden());
    }
    return encoder.encode(square.patches(vision.patch(), true), count, places, isSeen);
  }

  /** Where a patch is if what is used of a square is thought to fill it. */
  private int place(int index, int used) {
    return (int) (index * (1f / used) * vision.side());
  }

  private float[] join(Rows parts, Rows whole) {
    float[] separator = encoder.values(VisionRole.SEPARATOR);
    float[] first = parts.withEnds();
    float[] last = whole.withEnds();
    float[] all = Arrays.copyOf(first, first.length + separator.length + last.length);
    System.arraycopy(separator, 0, all, first.length, separator.length);
    System.arraycopy(last, 0, all, first.length + separator.length, last.length);
    return all;
  }

  /** Rows for every four patches of an image. */
  private final class Rows {
    private final int rows;
    private final int columns;
    private final float[] end = encoder.values(VisionRole.ROW_END);
    private final int depth = end.length;
    private final float[] values;

    Rows(int rows, int columns) {
      this.rows = rows;
      this.columns = columns;
      this.values = new float[rows * columns * depth];
    }

    /** Those of a square; what is beyond the image is left out. */
    void put(float[] patches, int top, int left) {
      int half = vision.side() / 2;
      for (int y = 0; y < Math.min(half, rows - top); y++) {
        for (int x = 0; x < Math.min(half, columns - left); x++) {
          float[] merged = squares.merge(four(patches, 2 * y, 2 * x));
          System.arraycopy(merged, 0, values, ((top + y) * columns + left + x) * depth, depth);
        }
      }
    }

    private float[] four(float[] patches, int y, int x) {
      int hidden = vision.hidden();
      float[] four = new float[4 * hidden];
      System.arraycopy(patches, (y * vision.side() + x) * hidden, four, 0, 2 * hidden);
      System.arraycopy(
          patches, ((y + 1) * vision.side() + x) * hidden, four, 2 * hidden, 2 * hidden);
      return four;
    }

    /** With what stands at the end of each row of the image. */
    float[] withEnds() {
      float[] all = new float[rows * (columns + 1) * depth];
      for (int row = 0; row < rows; row++) {
        int at = row * (columns + 1) * depth;
        System.arraycopy(values, row * columns * depth, all, at, columns * depth);
        System.arraycopy(end, 0, all, at + columns * depth, depth);
      }
      return all;
    }
  }
}
