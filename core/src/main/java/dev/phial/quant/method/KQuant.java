package dev.phial.quant.method;

import dev.phial.quant.FloatType;

/**
 * A search for scale and minimum after llama.cpp's k-quants, always with zero points: {@code
 * quant_tensor_k_quant_cpu} of ONNX Runtime's {@code weight_only.py}, whose sums are NumPy's.
 *
 * @param type of the scales that are stored
 */
public record KQuant(int bits, FloatType type) implements GroupMethod {
  private static final int STEPS = 20;

  /** NumPy adds stretches of at most this many elements without halving them. */
  private static final int LONGEST_STRETCH = 128;

  @Override
  public boolean hasZeros() {
    return true;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    Search search = new Search(size);
    NeuralRtn rounding = new NeuralRtn(bits, false, type);
    int top = (1 << bits) - 1;
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      search.run(x, start);
      int zero = (int) Math.clamp(Math.rint(-search.min / search.scale), 0, top);
      to.scales()[group] = type.round(search.scale);
      to.zeros()[group] = (byte) zero;
      rounding.codes(x, start, size, search.scale, zero, to.codes(), group * size);
    }
  }

  private final class Search {
    private final int size;
    private final float[] weights;
    private final float[] levels;
    private final float[] products;
    private float scale;
    private float min;

    Search(int size) {
      this.size = size;
      weights = new float[size];
      levels = new float[size];
      products = new float[size];
    }

    void run(float[] x, int from) {
      int top = (1 << bits) - 1;
      for (int i = 0; i < size; i++) {
        products[i] = x[from + i] * x[from + i];
      }
      float mean = (float) Math.sqrt(sum(products, 0, size) / size);
      min = x[from];
      float max = x[from];
      for (int i = 0; i < size; i++) {
        float value = x[from + i];
        weights[i] = mean + Math.abs(value);
        min = Math.min(min, value);
        max = Math.max(max, value);
        products[i] = weights[i] * value;
      }
      final float sumW = sum(weights, 0, size);
      final float sumX = sum(products, 0, size);
      float inverse = min != max ? top / (max - min) : 1;
      scale = 1 / inverse;
      levels(x, from, inverse);
      float best = error(x, from, scale, min);
      for (int step = 0; step < STEPS; step++) {
        // the minimum moves along with what was found, as in the original
        levels(x, from, min != max ? (float) (-1 + 0.1 * step + top) / (max - min) : 1);
        for (int i = 0; i < size; i++) {
          products[i] = weights[i] * levels[i];
        }
        float sumL = sum(products, 0, size);
        for (int i = 0; i < size; i++) {
          products[i] = weights[i] * levels[i] * levels[i];
        }
        float sumL2 = sum(products, 0, size);
        for (int i = 0; i < size; i++) {
          products[i] = weights[i] * levels[i] * x[from + i];
        }
        float sumXL = sum(products, 0, size);
        float determinant = sumW * sumL2 - sumL * sumL;
        float fitScale = (sumW * sumXL - sumX * sumL) / determinant;
        float fitMin = (sumL2 * sumX - sumL * sumXL) / determinant;
        float error = error(x, from, fitScale, fitMin);
        if (error < best) {
          best = error;
          scale = fitScale;
          min = fitMin;
        }
      }
    }

    private void levels(float[] x, int from, float inverse) {
      int top = (1 << bits) - 1;
      for (int i = 0; i < size; i++) {
        levels[i] = (float) Math.clamp(Math.rint(inverse * (x[from + i] - min)), 0, top);
      }
    }

    private float error(float[] x, int from, float fitScale, float fitMin) {
      for (int i = 0; i < size; i++) {
        float difference = fitScale * levels[i] + fitMin - x[from + i];
        products[i] = weights[i] * (difference * difference);
      }
      return sum(products, 0, size);
    }
  }

  /** NumPy's pairwise sum: eight running sums, stretches beyond 128 halved at a multiple of 8. */
  private static float sum(float[] x, int from, int count) {
    if (count > LONGEST_STRETCH) {
      int half = count / 2 - count / 2 % 8;
      return sum(x, from, half) + sum(x, from + half, count - half);
    }
    float s0 = x[from];
    float s1 = x[from + 1];
    float s2 = x[from + 2];
    float s3 = x[from + 3];
    float s4 = x[from + 4];
    float s5 = x[from + 5];
    float s6 = x[from + 6];
    float s7 = x[from + 7];
    for (int i = from + 8; i < from + count; i += 8) {
      s0 += x[i];
      s1 += x[i + 1];
      s2 += x[i + 2];
      s3 += x[i + 3];
      s4 += x[i + 4];
      s5 += x[i + 5];
      s6 += x[i + 6];
      s7 += x[i + 7];
    }
    return s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7));
  }
}
