package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.kernel.GridKernels;
import dev.phial.quant.Grid;
import dev.phial.quant.Points;
import dev.phial.quant.ScaleType;
import java.util.Arrays;

/**
 * Searches the scales and offsets of a block, of {@link GridKernels#LANES} rows at a time, for the
 * least weighted squared error: first those of each group alone, from many starts, then together
 * what a block shares and the whole numbers of its groups.
 */
final class ScaleFit {
  /** What no scale is smaller than, so that it can be divided by. */
  private static final float SMALLEST = 1e-7f;

  private static final int ROUNDS = 3; // of settling a block's numbers and its groups' in turns

  private final GridKernels kernels = GridKernels.best();
  private final Grid grid;
  private final GridKernels.Points points;
  private final float[] factors; // for first scales
  private final float[] shares; // for first ends of a range
  private final float[] blockFactors; // for first scales of a block

  private final float[] groupScales; // [groups][LANES], before they share anything
  private final float[] groupOffsets; // [groups][LANES]
  private final float[] scale = new float[LANES];
  private final float[] offset = new float[LANES];
  private final float[] sums = new float[GridKernels.SUMS * LANES];

  ScaleFit(Grid grid) {
    this.grid = grid;
    this.points = points(grid.points());
    this.factors = factors(grid);
    this.shares = shares(grid.points().count() - 1);
    this.blockFactors = blockFactors(grid);
    this.groupScales = new float[grid.groups() * LANES];
    this.groupOffsets = new float[grid.groups() * LANES];
  }

  static GridKernels.Points points(Points points) {
    return new GridKernels.Points(points.values(), points.middles(), points.areWhole());
  }

  /** The largest magnitude comes to lie on the last point, a little before it, or beyond. */
  private static float[] factors(Grid grid) {
    Points points = grid.points();
    float last = Math.max(-points.least(), points.most());
    boolean isFine = points.areWhole() && last >= 32;
    int count = isFine ? 14 : 28;
    float[] factors = new float[count];
    for (int i = 0; i < count; i++) {
      float share = i / (float) (count - 1);
      boolean isCoarse = !points.areWhole() || last < 16;
      factors[i] = (isCoarse ? 0.5f + 0.62f * share : 0.85f + 0.2f * share) / last;
    }
    return factors;
  }

  private static float[] shares(int most) {
    int count = most <= 3 ? 11 : most < 20 ? 8 : 5;
    float top = most <= 3 ? 1.1f : most < 20 ? 1.05f : 1.02f;
    float span = most <= 3 ? 0.9f : most <= 7 ? 0.7f : most < 20 ? 0.55f : 0.22f;
    float[] shares = new float[count];
    for (int i = 0; i < count; i++) {
      shares[i] = top - span * i / (count - 1);
    }
    return shares;
  }

  private static float[] blockFactors(Grid grid) {
    boolean isCoarse = grid.mostScale() < 20 || grid.leastScale() < 0 && grid.mostScale() < 32;
    float first = grid.leastScale() < 0 ? (isCoarse ? 0.91f : 0.98f) : isCoarse ? 0.88f : 0.98f;
    float step = grid.leastScale() < 0 ? (isCoarse ? 0.015f : 0.01f) : isCoarse ? 0.03f : 0.02f;
    int count = grid.leastScale() < 0 ? (isCoarse ? 13 : 5) : isCoarse ? 9 : 3;
    float[] factors = new float[count];
    for (int i = 0; i < count; i++) {
      factors[i] = first + i * step;
    }
    return factors;
  }

  /**
   * Chooses what a block needs besides points.
   *
   * @param x {@code [blockSize][LANES]} from {@code at}
   * @param w {@code [blockSize]} from {@code wAt}, positive
   * @param rows receives scales and offsets of block {@code block}
   */
  void fit(float[] x, int at, float[] w, int wAt, GridRows rows, int block) {
    boolean hasOffset = grid.offset() != Grid.Offset.NONE;
    int size = grid.groupSize();
    for (int group = 0; group < grid.groups(); group++) {
      int from = at + group * size * LANES;
      if (hasOffset) {
        kernels.fitScalesAndOffsets(
            x,
            from,
            size,
            w,
            wAt + group * size,
            points,
            shares,
            grid.offset() == Grid.Offset.MINIMUM,
            scale,
            offset);
        System.arraycopy(offset, 0, groupOffsets, group * LANES, LANES);
      } else {
        kernels.fitScales(x, from, size, w, wAt + group * size, points, factors, tries(), scale);
      }
      System.arraycopy(scale, 0, groupScales, group * LANES, LANES);
    }
    switch (grid.offset()) {
      case NONE -> {
        if (grid.hasTwoLevels()) {
          settleScales(x, at, w, wAt, rows, block);
        } else {
          roundScales(x, at, w, wAt, rows, block);
        }
      }
      case NUMBER -> roundOffsets(rows, block);
      case MINIMUM -> settleMinima(x, at, w, wAt, rows, block);
      case ZERO_POINT -> settleZeros(x, at, w, wAt, rows, block);
    }
  }

  /** Whether scales of the other sign could be better: points reach further to one side. */
  private boolean tries() {
    return grid.signedScales() && -grid.points().least() != grid.points().most();
  }

  private float sound(float value) {
    float rounded = grid.scaleType().round(value);
    return rounded == 0 ? grid.scaleType().round(SMALLEST) : rounded;
  }

  /** One level: where few scales can be stored, the neighbours of the best are tried as well. */
  private void roundScales(float[] x, int at, float[] w, int wAt, GridRows rows, int block) {
    boolean isCoarse = grid.scaleType() == ScaleType.E8M0 || grid.scaleType() == ScaleType.E4M3;
    float[] best = new float[LANES];
    float[] least = new float[LANES];
    Arrays.fill(least, Float.POSITIVE_INFINITY);
    Arrays.fill(offset, 0);
    float[] tries = isCoarse ? new float[] {1, 0.5f, 2, 0.8f, 1.25f} : new float[] {1};
    for (float factor : tries) {
      for (int lane = 0; lane < LANES; lane++) {
        float own = groupScales[lane] * factor;
        scale[lane] = sound(grid.signedScales() ? own : Math.abs(own));
      }
      kernels.evaluate(x, at, grid.blockSize(), w, wAt, points, scale, offset, sums);
      for (int lane = 0; lane < LANES; lane++) {
        if (sums[lane] < least[lane]) {
          least[lane] = sums[lane];
          best[lane] = scale[lane];
        }
      }
    }
    for (int lane = 0; lane < LANES; lane++) {
      int place = block * LANES + lane;
      float chosen = least[lane] < Float.POSITIVE_INFINITY ? best[lane] : sound(0);
      rows.blockScales[place] = chosen;
      rows.scales[place] = chosen;
      rows.offsets[place] = 0;
    }
  }

  private void roundOffsets(GridRows rows, int block) {
    for (int lane = 0; lane < LANES; lane++) {
      int place = block * LANES + lane;
      rows.blockScales[place] = sound(groupScales[lane]);
      rows.scales[place] = rows.blockScales[place];
      rows.offsets[place] = grid.scaleType().round(groupOffsets[lane]);
    }
  }

  private void settleZeros(float[] x, int at, float[] w, int wAt, GridRows rows, int block) {
    float[] least = new float[LANES];
    float[] zero = new float[LANES];
    float sumW = 0;
    for (int i = 0; i < grid.blockSize(); i++) {
      sumW += w[wAt + i];
    }
    Arrays.fill(least, Float.POSITIVE_INFINITY);
    for (int k = 0; k < 5; k++) {
      for (int shift = -1; shift <= 1; shift++) {
        for (int lane = 0; lane < LANES; lane++) {
          scale[lane] = sound(groupScales[lane] * (0.92f + 0.04f * k));
          zero[lane] =
              Math.clamp(
                  (float) Math.rint(-groupOffsets[lane] / scale[lane]) + shift,
                  points.values()[0],
                  points.values()[points.values().length - 1]);
          offset[lane] = -scale[lane] * zero[lane];
        }
        for (int round = 0; round < ROUNDS; round++) {
          kernels.evaluate(x, at, grid.blockSize(), w, wAt, points, scale, offset, sums);
          for (int lane = 0; lane < LANES; lane++) {
            int place = block * LANES + lane;
            if (sums[lane] < least[lane]) {
              least[lane] = sums[lane];
              rows.blockScales[place] = scale[lane];
              rows.scales[place] = scale[lane];
              rows.wholeMinima[place] = zero[lane];
              rows.offsets[place] = offset[lane];
            }
          }
          if (round < ROUNDS - 1) {
            refitAroundZero(x, at, w, wAt, sumW, zero);
          }
        }
      }
    }
  }

  /** Scales that suit the points best which the last evaluation found, zero points as they are. */
  private void refitAroundZero(float[] x, int at, float[] w, int wAt, float sumW, float[] zero) {
    float[] sumX = new float[LANES];
    for (int i = 0; i < grid.blockSize(); i++) {
      for (int lane = 0; lane < LANES; lane++) {
        sumX[lane] += w[wAt + i] * x[at + i * LANES + lane];
      }
    }
    for (int lane = 0; lane < LANES; lane++) {
      float sumP = sums[LANES + lane];
      float squares =
          sums[2 * LANES + lane] - 2 * zero[lane] * sumP + zero[lane] * zero[lane] * sumW;
      float products = sums[3 * LANES + lane] - zero[lane] * sumX[lane];
      float refit = squares > 0 ? products / squares : 0;
      if (refit > 0) {
        scale[lane] = sound(refit);
        offset[lane] = -scale[lane] * zero[lane];
      }
    }
  }

  private void settleScales(float[] x, int at, float[] w, int wAt, GridRows rows, int block) {
    int groups = grid.groups();
    int size = grid.groupSize();
    int reach = grid.mostScale() < 32 ? 1 : 0; // of whole numbers that are tried around the first
    float[] least = new float[LANES];
    float[] extreme = new float[LANES];
    float[] first = new float[LANES];
    float[] whole = new float[groups * LANES];
    float[] errors = new float[LANES];
    float[] total = new float[LANES];
    float[] products = new float[LANES];
    float[] squares = new float[LANES];
    float[] ownProducts = new float[LANES];
    float[] ownSquares = new float[LANES];
    Arrays.fill(least, Float.POSITIVE_INFINITY);
    Arrays.fill(offset, 0);
    for (int group = 0; group < groups; group++) {
      for (int lane = 0; lane < LANES; lane++) {
        float own = groupScales[group * LANES + lane];
        extreme[lane] = Math.abs(own) > Math.abs(extreme[lane]) ? own : extreme[lane];
      }
    }
    for (float factor : blockFactors) {
      for (int lane = 0; lane < LANES; lane++) {
        first[lane] = sound(extreme[lane] / grid.leastScale() * factor);
      }
      for (int round = 0; round < ROUNDS; round++) {
        Arrays.fill(total, 0);
        Arrays.fill(products, 0);
        Arrays.fill(squares, 0);
        for (int group = 0; group < groups; group++) {
          Arrays.fill(errors, Float.POSITIVE_INFINITY);
          for (int shift = -reach; shift <= reach; shift++) {
            for (int lane = 0; lane < LANES; lane++) {
              scale[lane] = first[lane] * wholeScale(group, lane, first[lane], shift);
            }
            kernels.evaluate(
                x,
                at + group * size * LANES,
                size,
                w,
                wAt + group * size,
                points,
                scale,
                offset,
                sums);
            for (int lane = 0; lane < LANES; lane++) {
              if (sums[lane] < errors[lane]) {
                float own = wholeScale(group, lane, first[lane], shift);
                errors[lane] = sums[lane];
                whole[group * LANES + lane] = own;
                ownProducts[lane] = own * sums[3 * LANES + lane];
                ownSquares[lane] = own * own * sums[2 * LANES + lane];
              }
            }
          }
          for (int lane = 0; lane < LANES; lane++) {
            total[lane] += errors[lane];
            products[lane] += ownProducts[lane];
            squares[lane] += ownSquares[lane];
          }
        }
        for (int lane = 0; lane < LANES; lane++) {
          if (total[lane] < least[lane]) {
            least[lane] = total[lane];
            rows.blockScales[block * LANES + lane] = first[lane];
            for (int group = 0; group < groups; group++) {
              rows.wholeScales[(rows.firstGroup(block) + group) * LANES + lane] =
                  whole[group * LANES + lane];
            }
          }
          if (squares[lane] > 0) {
            first[lane] = sound(products[lane] / squares[lane]);
          }
        }
      }
    }
    settle(rows, block);
  }

  private float wholeScale(int group, int lane, float blockScale, int shift) {
    float own = (float) Math.rint(groupScales[group * LANES + lane] / blockScale) + shift;
    return Math.clamp(own, grid.leastScale(), grid.mostScale());
  }

  private float wholeMinimum(int group, int lane, float blockMinimum, int shift) {
    float own = (float) Math.rint(-groupOffsets[group * LANES + lane] / blockMinimum) + shift;
    return Math.clamp(own, 0, grid.mostScale());
  }

  private void settle(GridRows rows, int block) {
    for (int lane = 0; lane < LANES; lane++) {
      rows.settle(block, lane);
    }
  }

  private void settleMinima(float[] x, int at, float[] w, int wAt, GridRows rows, int block) {
    int groups = grid.groups();
    int size = grid.groupSize();
    float[] least = new float[LANES];
    float[] largest = new float[LANES];
    float[] deepest = new float[LANES];
    float[] first = new float[LANES]; // scale of the block
    float[] second = new float[LANES]; // minimum of the block
    float[] errors = new float[LANES];
    float[] total = new float[LANES];
    float[] whole = new float[2 * groups * LANES]; // scales, minima
    float[] best = new float[GridKernels.SUMS * LANES];
    double[] normal = new double[5 * LANES]; // aa, ab, bb, xa, xb of the two unknowns
    float[] weights = new float[groups]; // sums of w
    float[] sumX = new float[groups * LANES]; // of w x
    Arrays.fill(least, Float.POSITIVE_INFINITY);
    for (int group = 0; group < groups; group++) {
      for (int i = 0; i < size; i++) {
        float weight = w[wAt + group * size + i];
        weights[group] += weight;
        for (int lane = 0; lane < LANES; lane++) {
          sumX[group * LANES + lane] += weight * x[at + (group * size + i) * LANES + lane];
        }
      }
      for (int lane = 0; lane < LANES; lane++) {
        largest[lane] = Math.max(largest[lane], groupScales[group * LANES + lane]);
        deepest[lane] = Math.max(deepest[lane], -groupOffsets[group * LANES + lane]);
      }
    }
    for (float factor : blockFactors) {
      for (int lane = 0; lane < LANES; lane++) {
        first[lane] = sound(largest[lane] / grid.mostScale() * factor);
        second[lane] = sound(deepest[lane] / grid.mostScale() * factor);
      }
      for (int round = 0; round < ROUNDS; round++) {
        Arrays.fill(total, 0);
        Arrays.fill(normal, 0);
        for (int group = 0; group < groups; group++) {
          Arrays.fill(errors, Float.POSITIVE_INFINITY);
          for (int i = 0; i < 9; i++) {
            int shift = i / 3 - 1;
            int minimumShift = i % 3 - 1;
            for (int lane = 0; lane < LANES; lane++) {
              scale[lane] = first[lane] * wholeScale(group, lane, first[lane], shift);
              offset[lane] =
                  0 - second[lane] * wholeMinimum(group, lane, second[lane], minimumShift);
            }
            kernels.evaluate(
                x,
                at + group * size * LANES,
                size,
                w,
                wAt + group * size,
                points,
                scale,
                offset,
                sums);
            for (int lane = 0; lane < LANES; lane++) {
              if (sums[lane] < errors[lane]) {
                errors[lane] = sums[lane];
                whole[group * LANES + lane] = wholeScale(group, lane, first[lane], shift);
                whole[(groups + group) * LANES + lane] =
                    wholeMinimum(group, lane, second[lane], minimumShift);
                for (int k = 0; k < GridKernels.SUMS; k++) {
                  best[k * LANES + lane] = sums[k * LANES + lane];
                }
              }
            }
          }
          for (int lane = 0; lane < LANES; lane++) {
            total[lane] += errors[lane];
            double a = whole[group * LANES + lane];
            double b = -whole[(groups + group) * LANES + lane];
            normal[lane] += a * a * best[2 * LANES + lane];
            normal[LANES + lane] += a * b * best[LANES + lane];
            normal[2 * LANES + lane] += b * b * weights[group];
            normal[3 * LANES + lane] += a * best[3 * LANES + lane];
            normal[4 * LANES + lane] += b * sumX[group * LANES + lane];
          }
        }
        for (int lane = 0; lane < LANES; lane++) {
          if (total[lane] < least[lane]) {
            least[lane] = total[lane];
            rows.blockScales[block * LANES + lane] = first[lane];
            rows.blockMinima[block * LANES + lane] = second[lane];
            for (int group = 0; group < groups; group++) {
              int place = (rows.firstGroup(block) + group) * LANES + lane;
              rows.wholeScales[place] = whole[group * LANES + lane];
              rows.wholeMinima[place] = whole[(groups + group) * LANES + lane];
            }
          }
          solve(normal, lane, first, second);
        }
      }
    }
    settle(rows, block);
  }

  /** The numbers of a block that suit its groups' whole numbers and points best. */
  private void solve(double[] normal, int lane, float[] first, float[] second) {
    double aa = normal[lane];
    double ab = normal[LANES + lane];
    double bb = normal[2 * LANES + lane];
    double determinant = aa * bb - ab * ab;
    if (!(determinant > 1e-6 * aa * bb)) {
      return;
    }
    double xa = normal[3 * LANES + lane];
    double xb = normal[4 * LANES + lane];
    float newFirst = (float) ((xa * bb - xb * ab) / determinant);
    float newSecond = (float) ((xb * aa - xa * ab) / determinant);
    if (newFirst > 0) {
      first[lane] = sound(newFirst);
    }
    if (newSecond > 0) {
      second[lane] = sound(newSecond);
    }
  }
}
