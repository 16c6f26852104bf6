package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.GroupKernels;
import dev.phial.quant.method.Nncf;
import dev.phial.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Small floating-point numbers and a scale for neighbours in a row, as OpenVINO's compressor NNCF
 * chooses them: {@code do_float_quantization}. A block is scale and codes, the even one of two
 * nibbles below; OpenVINO's files hold the two apart.
 */
public final class GroupFloat implements GridFormat {
  /** What numbers there are, and how a scale is chosen and stored. */
  public enum Values {
    /** Quantiles of a normal distribution between -1 and 1; scales in half precision. */
    NF4(4, 2) {
      @Override
      float scale(float magnitude) {
        return Math.max(magnitude, Nncf.SMALLEST_SCALE);
      }

      @Override
      void putScale(byte[] to, int at, float scale) {
        LittleEndian.putHalf(to, at, scale);
      }

      @Override
      float scaleAt(byte[] from, int at) {
        return LittleEndian.readHalf(from, at);
      }

      @Override
      void encode(GroupKernels kernels, float[] x, int from, int n, float scale, byte[] codes) {
        kernels.steps(x, from, n, scale, THRESHOLDS, false, codes);
      }

      @Override
      float value(int code) {
        return QUANTILES[code];
      }
    },

    /**
     * 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives, zero too; scales are powers of two. Ties go
     * to even codes.
     */
    MXFP4(4, 1) {
      @Override
      float scale(float magnitude) {
        return power(magnitude, 6);
      }

      @Override
      void encode(GroupKernels kernels, float[] x, int from, int n, float scale, byte[] codes) {
        kernels.steps(x, from, n, scale, MIDPOINTS, true, codes);
      }

      @Override
      float value(int code) {
        return code < 8 ? MAGNITUDES[code] : -MAGNITUDES[code - 8];
      }
    },

    /** E4M3; scales are powers of two. OpenVINO rounds quotients to half precision first. */
    MXFP8(8, 1) {
      @Override
      float scale(float magnitude) {
        return power(magnitude, 448);
      }

      @Override
      void encode(GroupKernels kernels, float[] x, int from, int n, float scale, byte[] codes) {
        kernels.e4m3(x, from, n, scale, FloatType.F16.droppedBits(), codes);
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
    private final int scaleBytes;

    Values(int bits, int scaleBytes) {
      this.bits = bits;
      this.scaleBytes = scaleBytes;
    }

    /**
     * The power of two that brings a magnitude below the largest number. It is what OpenVINO
     * computes in single precision, {@code ceil(log(x) / log(2))}: for some powers of two the next
     * one.
     */
    private static float power(float magnitude, float largest) {
      float least = Math.max(magnitude, Nncf.SMALLEST_SCALE) / largest;
      int power = (int) Math.ceil((float) Math.log(least) / (float) Math.log(2));
      return Math.scalb(1f, Math.clamp(power, -127, 127));
    }

    /** The scale of a group whose largest magnitude this is, as codes are chosen for it. */
    abstract float scale(float magnitude);

    /** Writes a scale as it is stored: a power of two, unless said otherwise. */
    void putScale(byte[] to, int at, float scale) {
      to[at] = (byte) (Math.getExponent(scale) + 127);
    }

    float scaleAt(byte[] from, int at) {
      return Math.scalb(1f, (from[at] & 0xFF) - 127);
    }

    /**
     * Chooses codes.
     *
     * @param codes receives them from 0, with {@link GroupKernels#ROOM} behind them
     */
    abstract void encode(
        GroupKernels kernels, float[] x, int from, int n, float scale, byte[] codes);

    abstract float value(int code);
  }

  private final Values values;
  private final int size;
  private final FloatType input;
  private final Grid grid;

  /**
   * @param size elements of a group, an even number
   * @param input what the reference holds the numbers in before it quantizes them
   */
  public GroupFloat(Values values, int size, FloatType input) {
    this.values = values;
    this.size = size;
    this.input = input;
    float[] table = new float[1 << values.bits];
    for (int i = 0; i < table.length; i++) {
      table[i] = values.value(i);
    }
    this.grid =
        Grid.of(
            size,
            Points.table(table),
            Grid.Offset.NONE,
            values == Values.NF4 ? ScaleType.F16 : ScaleType.E8M0);
  }

  /** {@code NF4G64}. */
  @Override
  public String name() {
    return values + "G" + size;
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
    return values.scaleBytes;
  }

  /** Bytes of the codes of a block. */
  public int codeBytes() {
    return size * values.bits / Byte.SIZE;
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    GroupKernels kernels = GroupKernels.best();
    float[] rounded = input.rounded(x, rows * columns);
    float[] range = new float[2];
    byte[] some = new byte[size + GroupKernels.ROOM];
    int groups = rows * columns / size;
    byte[] codes = new byte[rows * columns];
    for (int group = 0; group < groups; group++) {
      int start = group * size;
      kernels.range(rounded, start, size, range);
      float scale = values.scale(Math.max(-range[0], range[1]));
      values.encode(kernels, rounded, start, size, scale, some);
      values.putScale(to, at + group * blockBytes(), scale);
      System.arraycopy(some, 0, codes, start, size);
    }
    byte[] packed = GroupInt.packed(codes, values.bits);
    LittleEndian.copyParts(
        packed, 0, codeBytes(), to, at + scaleBytes(), blockBytes(), codeBytes(), groups);
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    byte[] bytes = new byte[Math.toIntExact(bytes(count))];
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    for (int i = 0; i < count; i++) {
      int block = i / size * blockBytes();
      int in = i % size;
      int code = bytes[block + values.scaleBytes + in * values.bits / Byte.SIZE] & 0xFF;
      if (values.bits == 4) {
        code = in % 2 == 0 ? code & 0xF : code >> 4;
      }
      to[at + i] = values.value(code) * values.scaleAt(bytes, block);
    }
  }

  @Override
  public Grid grid() {
    return grid;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    values.putScale(to, at, block.scale);
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
