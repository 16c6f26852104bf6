package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.GroupKernels;
import dev.phial.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Small floating-point numbers and a scale for neighbours in a row: what OpenVINO's nf4, f4e2m1 and
 * f8e4m3 hold, and compressed-tensors' mxfp4, mxfp8 and fp8. A block is scale and codes, the even
 * one of two nibbles below; files hold the two apart.
 */
public final class GroupFloat implements GridFormat {
  /** What numbers there are. */
  public enum Values {
    /** Quantiles of a normal distribution between -1 and 1. */
    NF4(4) {
      @Override
      void encode(
          GroupKernels kernels, float[] x, int from, int n, float scale, int drop, byte[] codes) {
        kernels.steps(x, from, n, scale, THRESHOLDS, false, codes);
      }

      @Override
      float value(int code) {
        return QUANTILES[code];
      }
    },

    /** 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives, zero too. Ties go to even codes. */
    E2M1(4) {
      @Override
      void encode(
          GroupKernels kernels, float[] x, int from, int n, float scale, int drop, byte[] codes) {
        kernels.steps(x, from, n, scale, MIDPOINTS, true, codes);
      }

      @Override
      float value(int code) {
        return code < 8 ? MAGNITUDES[code] : -MAGNITUDES[code - 8];
      }
    },

    /** Four exponent and three mantissa bits. */
    E4M3(8) {
      @Override
      void encode(
          GroupKernels kernels, float[] x, int from, int n, float scale, int drop, byte[] codes) {
        kernels.e4m3(x, from, n, scale, drop, codes);
      }

      @Override
      float value(int code) {
        return DType.e4m3(code);
      }
    };

    /** Bitsandbytes' numbers. */
    private static final float[] QUANTILES = {
      -1,
      -0.6961928f,
      -0.52507305f,
      -0.3949175f,
      -0.28444138f,
      -0.18477343f,
      -0.091050036f,
      0,
      0.0795803f,
      0.1609302f,
      0.2461123f,
      0.33791524f,
      0.44070983f,
      0.562617f,
      0.72295684f,
      1
    };

    /** Above each begins the next quantile. */
    private static final float[] THRESHOLDS = {
      -0.8480964f,
      -0.6106329f,
      -0.45999527f,
      -0.33967942f,
      -0.2346074f,
      -0.13791174f,
      -0.045525018f,
      0.03979015f,
      0.12025525f,
      0.20352125f,
      0.29201376f,
      0.38931254f,
      0.50166345f,
      0.6427869f,
      0.86147845f
    };

    private static final float[] MAGNITUDES = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};

    /** Above each begins the next magnitude; from a tie with an odd neighbour below it, at once. */
    private static final float[] MIDPOINTS = {
      0.25f, Math.nextDown(0.75f), 1.25f, Math.nextDown(1.75f), 2.5f, Math.nextDown(3.5f), 5
    };

    private final int bits;

    Values(int bits) {
      this.bits = bits;
    }

    /**
     * Chooses codes.
     *
     * @param drop bits of a quotient's mantissa that are rounded away first
     * @param codes receives them from 0, with {@link GroupKernels#ROOM} behind them
     */
    abstract void encode(
        GroupKernels kernels, float[] x, int from, int n, float scale, int drop, byte[] codes);

    abstract float value(int code);

    /** What the codes stand for. */
    public float[] table() {
      float[] table = new float[1 << bits];
      for (int i = 0; i < table.length; i++) {
        table[i] = value(i);
      }
      return table;
    }
  }

  /** In the place of a scale of zero, where its reciprocal is needed. */
  private static final float LEAST_DIVISOR = 1e-38f;

  private final Values values;
  private final int size;
  private final FloatScales scales;
  private final FloatType input;
  private final Grid grid;

  /**
   * @param size elements of a group, an even number
   * @param input what the reference holds the numbers in before it quantizes them
   */
  public GroupFloat(int size, FloatScales scales, FloatType input) {
    this.values = scales.numbers();
    this.size = size;
    this.scales = scales;
    this.input = input;
    this.grid = Grid.of(size, Points.table(values.table()), Grid.Offset.NONE, scales.type());
  }

  /** What the numbers are, without the size of a group. */
  String label() {
    return scales.label();
  }

  /** {@code NF4G64}. */
  @Override
  public String name() {
    return label() + "G" + size;
  }

  @Override
  public int blockSize() {
    return size;
  }

  @Override
  public int blockBytes() {
    return scaleBytes() + codeBytes();
  }

  /** Bytes of a scale, with which a block begins. */
  public int scaleBytes() {
    return scales.type().bytes();
  }

  /** Bytes of the codes of a block. */
  public int codeBytes() {
    return size * values.bits / Byte.SIZE;
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    GroupKernels kernels = GroupKernels.best();
    float[] range = new float[2];
    encode(
        x,
        rows * columns,
        (rounded, group) -> {
          kernels.range(rounded, group * size, size, range);
          return Math.max(-range[0], range[1]);
        },
        to,
        at);
  }

  /** What the scales of groups follow from. */
  @FunctionalInterface
  interface Magnitudes {
    /**
     * The largest magnitude of the numbers that share a scale with a group.
     *
     * @param x numbers of all groups
     */
    float of(float[] x, int group);
  }

  /** Encodes whole groups whose scales follow from given magnitudes. */
  void encode(float[] x, int count, Magnitudes magnitudes, byte[] to, int at) {
    GroupKernels kernels = GroupKernels.best();
    float[] rounded = input.rounded(x, count);
    float[] products = new float[size];
    byte[] some = new byte[size + GroupKernels.ROOM];
    int groups = count / size;
    byte[] codes = new byte[count];
    for (int group = 0; group < groups; group++) {
      int start = group * size;
      float scale = scales.choose(magnitudes.of(rounded, group));
      if (scales.multiplies()) {
        multiply(rounded, start, 1 / Math.max(scale, LEAST_DIVISOR), products);
        values.encode(kernels, products, 0, size, 1, 0, some);
      } else {
        values.encode(kernels, rounded, start, size, scale, scales.droppedBits(), some);
      }
      scales.type().put(to, at + group * blockBytes(), scale);
      System.arraycopy(some, 0, codes, start, size);
    }
    byte[] packed = GroupInt.packed(codes, values.bits);
    LittleEndian.copyParts(
        packed, 0, codeBytes(), to, at + scaleBytes(), blockBytes(), codeBytes(), groups);
  }

  private void multiply(float[] x, int from, float factor, float[] to) {
    for (int i = 0; i < size; i++) {
      to[i] = x[from + i] * factor;
    }
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    byte[] bytes = new byte[Math.toIntExact(bytes(count))];
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    for (int i = 0; i < count; i++) {
      int block = i / size * blockBytes();
      int in = i % size;
      int code = bytes[block + scaleBytes() + in * values.bits / Byte.SIZE] & 0xFF;
      if (values.bits == 4) {
        code = in % 2 == 0 ? code & 0xF : code >> 4;
      }
      to[at + i] = values.value(code) * scales.type().get(bytes, block);
    }
  }

  @Override
  public Grid grid() {
    return grid;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    scales.type().put(to, at, block.scale);
    byte[] codes = new byte[size];
    for (int i = 0; i < size; i++) {
      codes[i] = (byte) block.codes[i];
    }
    GroupInt.pack(codes, 0, size, values.bits, to, at + scaleBytes());
  }

  @Override
  public String toString() {
    return name();
  }
}
