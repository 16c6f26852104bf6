package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.kernel.GridKernels;
import dev.phial.quant.Grid;
import java.util.Arrays;

/**
 * Lessens the error of what a layer computes, {@code (v - t) H (v - t)ᵀ} of a row {@code v} and its
 * target {@code t}, one coordinate after the other: scale and offset of a group, its points, what a
 * block shares. A step is taken only if the error falls.
 */
final class Descent {
  private static final float TINY = 1e-20f;

  private final GridKernels kernels = GridKernels.best();
  private final Grid grid;
  private final GridKernels.Points points;
  private final Curvature curvature;
  private final float[] values; // [columns][LANES]
  private final float[] slopes; // [columns][LANES]: H (v - t)
  private final float[] before; // [panel][LANES], values when it was reached
  private final float[] group; // [group or block][LANES]
  private final float[] other; // the same
  private final float[] scales = new float[LANES];
  private final float[] offsets = new float[LANES];
  private final float[] change = new float[LANES];
  private final Forms forms = new Forms();

  Descent(Grid grid, Curvature curvature) {
    this.grid = grid;
    this.points = ScaleFit.points(grid.points());
    this.curvature = curvature;
    this.values = new float[curvature.size() * LANES];
    this.slopes = new float[curvature.size() * LANES];
    this.before = new float[curvature.panels().getFirst().count() * LANES];
    int largest = Math.max(grid.groupSize(), grid.hasTwoLevels() ? grid.blockSize() : 1);
    this.group = new float[largest * LANES];
    this.other = new float[largest * LANES];
  }

  /** Quadratic and linear forms of two directions, for each row. */
  private static final class Forms {
    final float[] aa = new float[LANES];
    final float[] ab = new float[LANES];
    final float[] bb = new float[LANES];
    final float[] slopeA = new float[LANES];
    final float[] slopeB = new float[LANES];

    /** How the error changes by so much of both directions. */
    double change(int lane, double a, double b) {
      return 2 * (slopeA[lane] * a + slopeB[lane] * b)
          + aa[lane] * a * a
          + 2 * ab[lane] * a * b
          + bb[lane] * b * b;
    }
  }

  /**
   * Improves rows.
   *
   * @param target {@code [columns][LANES]}
   * @param sweeps over all columns
   */
  void run(float[] target, GridRows rows, int sweeps) {
    begin(target, rows);
    for (int sweep = 0; sweep < sweeps; sweep++) {
      for (Curvature.Panel panel : curvature.panels()) {
        int from = panel.first() * LANES;
        int length = panel.count() * LANES;
        System.arraycopy(values, from, before, 0, length);
        sweep(panel, rows);
        boolean changed = false;
        for (int i = 0; i < length; i++) {
          before[i] = values[from + i] - before[i];
          changed |= before[i] != 0;
        }
        if (changed) {
          curvature.addAcross(panel, before, slopes);
        }
      }
    }
  }

  private void begin(float[] target, GridRows rows) {
    Arrays.fill(slopes, 0);
    float[] errors = new float[values.length];
    for (int column = 0; column < rows.columns; column++) {
      for (int lane = 0; lane < LANES; lane++) {
        int at = column * LANES + lane;
        values[at] = rows.value(column, lane);
        errors[at] = values[at] - target[at];
      }
    }
    curvature.addProducts(errors, slopes);
  }

  private void sweep(Curvature.Panel panel, GridRows rows) {
    int size = grid.groupSize();
    if (size > panel.count()) { // groups as wide as rows keep their scales
      for (int column = panel.first(); column < panel.end(); column++) {
        choosePoints(panel, rows, column);
      }
      return;
    }
    for (int column = panel.first(); column < panel.end(); column += size) {
      chooseScale(panel, rows, column);
      for (int i = 0; i < size; i++) {
        choosePoints(panel, rows, column + i);
      }
      int end = column + size;
      if (grid.hasTwoLevels() && end % grid.blockSize() == 0) {
        chooseBlock(panel, rows, end - grid.blockSize());
      }
    }
  }

  /** The points of one column. */
  private void choosePoints(Curvature.Panel panel, GridRows rows, int column) {
    int at = column * LANES;
    int i = column - panel.first();
    float own = panel.moments()[i * panel.count() + i];
    System.arraycopy(rows.scales, column / grid.groupSize() * LANES, scales, 0, LANES);
    System.arraycopy(rows.offsets, column / grid.groupSize() * LANES, offsets, 0, LANES);
    for (int lane = 0; lane < LANES; lane++) {
      group[lane] = values[at + lane] - slopes[at + lane] / own;
    }
    kernels.nearest(group, 0, 1, points, scales, offsets, rows.points, at);
    boolean changed = false;
    for (int lane = 0; lane < LANES; lane++) {
      float value = Math.fma(scales[lane], rows.points[at + lane], offsets[lane]);
      change[lane] = value - values[at + lane];
      values[at + lane] = value;
      changed |= change[lane] != 0;
    }
    if (changed) {
      kernels.addOuter(
          slopes,
          panel.first() * LANES,
          panel.count(),
          change,
          0,
          panel.moments(),
          i * panel.count());
    }
  }

  /** Scale and offset of one group. */
  private void chooseScale(Curvature.Panel panel, GridRows rows, int column) {
    int size = grid.groupSize();
    int place = column / size * LANES;
    boolean hasOffset = grid.offset() != Grid.Offset.NONE;
    System.arraycopy(rows.points, column * LANES, group, 0, size * LANES);
    Arrays.fill(other, 0, size * LANES, hasOffset ? 1 : 0);
    forms(panel, column, size);
    for (int lane = 0; lane < LANES; lane++) {
      switch (grid.offset()) {
        case NONE -> stepScale(rows, place + lane, lane, column);
        case NUMBER -> stepNumber(rows, place + lane, lane);
        case MINIMUM -> stepMinimum(rows, place + lane, lane, column);
        case ZERO_POINT -> stepZero(rows, place + lane, lane);
      }
    }
    apply(panel, rows, column, size);
  }

  /** Forms of {@link #group} and {@link #other} for {@code count} columns. */
  private void forms(Curvature.Panel panel, int column, int count) {
    Arrays.fill(forms.aa, 0);
    Arrays.fill(forms.ab, 0);
    Arrays.fill(forms.bb, 0);
    Arrays.fill(forms.slopeA, 0);
    Arrays.fill(forms.slopeB, 0);
    int first = column - panel.first();
    float[] productA = new float[count * LANES];
    float[] productB = new float[count * LANES];
    for (int i = 0; i < count; i++) {
      int row = (first + i) * panel.count() + first;
      kernels.addOuter(productA, 0, count, group, i * LANES, panel.moments(), row);
      kernels.addOuter(productB, 0, count, other, i * LANES, panel.moments(), row);
    }
    for (int i = 0; i < count; i++) {
      for (int lane = 0; lane < LANES; lane++) {
        int at = i * LANES + lane;
        float a = group[at];
        float b = other[at];
        float slope = slopes[column * LANES + at];
        forms.aa[lane] += a * productA[at];
        forms.ab[lane] += b * productA[at];
        forms.bb[lane] += b * productB[at];
        forms.slopeA[lane] += a * slope;
        forms.slopeB[lane] += b * slope;
      }
    }
  }

  private void stepScale(GridRows rows, int place, int lane, int column) {
    float scale = rows.scales[place];
    float wanted = scale - forms.slopeA[lane] / Math.max(forms.aa[lane], TINY);
    if (!grid.hasTwoLevels()) {
      float rounded = grid.scaleType().round(wanted);
      boolean isAllowed = rounded > 0 || rounded < 0 && grid.signedScales();
      if (isAllowed && forms.change(lane, (double) rounded - scale, 0) < 0) {
        rows.scales[place] = rounded;
        rows.blockScales[place] = rounded;
      }
      return;
    }
    float blockScale = rows.blockScales[column / grid.blockSize() * LANES + lane];
    double best = 0;
    for (int step = 0; step < 2 && blockScale != 0; step++) {
      float whole =
          Math.clamp(
              (float) Math.floor(wanted / blockScale) + step, grid.leastScale(), grid.mostScale());
      double found = forms.change(lane, (double) blockScale * whole - scale, 0);
      if (found < best) {
        best = found;
        rows.scales[place] = blockScale * whole;
        rows.wholeScales[place] = whole;
      }
    }
  }

  /** By how much the scale had to change if the offset went along. */
  private double scaleStep(int lane) {
    double aa = Math.max(forms.aa[lane], TINY);
    double bb = Math.max(forms.bb[lane], TINY);
    double ab = forms.ab[lane];
    double determinant = aa * bb - ab * ab;
    return determinant > 1e-6 * aa * bb
        ? (forms.slopeB[lane] * ab - forms.slopeA[lane] * bb) / determinant
        : 0;
  }

  /** The best offset once the scale changes by so much. */
  private double offset(int lane, double offset, double scaleStep) {
    double bb = Math.max(forms.bb[lane], TINY);
    return offset - (forms.slopeB[lane] + forms.ab[lane] * scaleStep) / bb;
  }

  private void stepNumber(GridRows rows, int place, int lane) {
    float scale = rows.scales[place];
    float offset = rows.offsets[place];
    float newScale = grid.scaleType().round((float) (scale + scaleStep(lane)));
    double step = (double) newScale - scale;
    float newOffset = grid.scaleType().round((float) offset(lane, offset, step));
    if (newScale > 0 && forms.change(lane, step, (double) newOffset - offset) < 0) {
      rows.scales[place] = newScale;
      rows.blockScales[place] = newScale;
      rows.offsets[place] = newOffset;
    }
  }

  private void stepMinimum(GridRows rows, int place, int lane, int column) {
    int block = column / grid.blockSize() * LANES + lane;
    float blockScale = rows.blockScales[block];
    float blockMinimum = rows.blockMinima[block];
    if (!(blockScale > 0 && blockMinimum > 0)) {
      return;
    }
    float scale = rows.scales[place];
    float offset = rows.offsets[place];
    float old = rows.wholeScales[place];
    float base = (float) Math.floor((scale + scaleStep(lane)) / blockScale);
    double best = 0;
    for (int shift = -1; shift < 3; shift++) {
      float whole = Math.clamp(shift < 2 ? base + shift : old, 0, grid.mostScale());
      double step = (double) blockScale * whole - scale;
      float minimum =
          Math.clamp(
              (float) Math.rint(-offset(lane, offset, step) / blockMinimum), 0, grid.mostScale());
      double found = forms.change(lane, step, -(double) blockMinimum * minimum - offset);
      if (found < best) {
        best = found;
        rows.scales[place] = blockScale * whole;
        rows.offsets[place] = 0 - blockMinimum * minimum;
        rows.wholeScales[place] = whole;
        rows.wholeMinima[place] = minimum;
      }
    }
  }

  private void stepZero(GridRows rows, int place, int lane) {
    float scale = rows.scales[place];
    float zero = rows.wholeMinima[place];
    double best = 0;
    for (int shift = -1; shift <= 1; shift++) {
      float newZero = zero + shift;
      if (newZero < points.values()[0] || newZero > points.values()[points.values().length - 1]) {
        continue;
      }
      // v = s (p - z): along p - z with the new zero point
      double aa =
          forms.aa[lane] - 2 * newZero * forms.ab[lane] + newZero * newZero * forms.bb[lane];
      double slope = forms.slopeA[lane] - newZero * forms.slopeB[lane];
      double now =
          scale
              * (forms.aa[lane]
                  - (newZero + zero) * forms.ab[lane]
                  + (double) newZero * zero * forms.bb[lane]);
      if (aa < TINY) {
        continue;
      }
      float newScale = grid.scaleType().round((float) ((now - slope) / aa));
      float newOffset = -newScale * newZero;
      double found =
          forms.change(lane, (double) newScale - scale, (double) newOffset - rows.offsets[place]);
      if (newScale > 0 && found < best) {
        best = found;
        rows.scales[place] = newScale;
        rows.blockScales[place] = newScale;
        rows.wholeMinima[place] = newZero;
        rows.offsets[place] = newOffset;
      }
    }
  }

  /** Brings values and slopes of some columns up to date. */
  private void apply(Curvature.Panel panel, GridRows rows, int column, int count) {
    for (int i = 0; i < count; i++) {
      int at = (column + i) * LANES;
      boolean changed = false;
      for (int lane = 0; lane < LANES; lane++) {
        float value = rows.value(column + i, lane);
        change[lane] = value - values[at + lane];
        values[at + lane] = value;
        changed |= change[lane] != 0;
      }
      if (changed) {
        int row = (column + i - panel.first()) * panel.count();
        kernels.addOuter(
            slopes, panel.first() * LANES, panel.count(), change, 0, panel.moments(), row);
      }
    }
  }

  /** What a block of two levels shares. */
  private void chooseBlock(Curvature.Panel panel, GridRows rows, int column) {
    int size = grid.blockSize();
    int block = column / size;
    boolean hasMinima = grid.offset() == Grid.Offset.MINIMUM;
    for (int i = 0; i < size; i++) {
      int place = (column + i) / grid.groupSize() * LANES;
      for (int lane = 0; lane < LANES; lane++) {
        group[i * LANES + lane] =
            rows.wholeScales[place + lane] * rows.points[(column + i) * LANES + lane];
        other[i * LANES + lane] = hasMinima ? -rows.wholeMinima[place + lane] : 0;
      }
    }
    forms(panel, column, size);
    for (int lane = 0; lane < LANES; lane++) {
      int at = block * LANES + lane;
      float scale = rows.blockScales[at];
      float minimum = rows.blockMinima[at];
      double aa = forms.aa[lane];
      double bb = forms.bb[lane];
      double ab = forms.ab[lane];
      double determinant = aa * bb - ab * ab;
      float newScale = scale;
      float newMinimum = minimum;
      if (!hasMinima) {
        newScale =
            aa > 0 ? grid.scaleType().round((float) (scale - forms.slopeA[lane] / aa)) : scale;
      } else if (determinant > 1e-6 * aa * bb) {
        double step = (forms.slopeB[lane] * ab - forms.slopeA[lane] * bb) / determinant;
        newScale = grid.scaleType().round((float) (scale + step));
        step = (double) newScale - scale;
        newMinimum =
            grid.scaleType().round((float) (minimum - (forms.slopeB[lane] + ab * step) / bb));
      }
      double found = forms.change(lane, (double) newScale - scale, (double) newMinimum - minimum);
      boolean isAllowed = !hasMinima || newScale > 0 && newMinimum > 0;
      if (isAllowed && found < 0) {
        rows.blockScales[at] = newScale;
        rows.blockMinima[at] = newMinimum;
        rows.settle(block, lane);
      }
    }
    apply(panel, rows, column, size);
  }
}
