package dev.phial.kernel;

import static dev.phial.kernel.Kernels.LANES;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every vector kernel against its scalar definition, bit for bit. */
final class KernelsTest {
  private static final Kernels SCALAR = new ScalarKernels();
  private static final Kernels VECTOR = new VectorKernels();
  private static final byte[] CODEBOOK = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /**
   * A tile to try.
   *
   * @param n elements of a lane
   */
  record Tile(String name, int n, float[] x, float[] w) {
    @Override
    public String toString() {
      return name + " of " + n;
    }
  }

  /** What a kernel wrote. */
  private record Found(float[] scale, float[] min, int[] levels) {
    Found(int n) {
      this(new float[LANES], new float[LANES], new int[n * LANES]);
    }

    void assertEqualTo(Found expected) {
      // bits, so that -0 and 0 differ
      assertThat(bits(scale)).as("scale").isEqualTo(bits(expected.scale));
      assertThat(bits(min)).as("min").isEqualTo(bits(expected.min));
      assertThat(levels).as("levels").isEqualTo(expected.levels);
    }
  }

  static Stream<Tile> tiles() {
    Random random = new Random(7);
    return Stream.of(16, 32).flatMap(n -> tiles(n, random));
  }

  private static Stream<Tile> tiles(int n, Random random) {
    float[] ones = filled(n, 1);
    Stream<Tile> random20 =
        Stream.generate(
                () -> new Tile("gaussian", n, gaussian(n, random, 0.02f), magnitudes(n, random)))
            .limit(20);
    Stream<Tile> odd =
        Stream.of(
            new Tile("zeros", n, new float[n * LANES], ones),
            new Tile("negative zeros", n, filled(n, -0f), ones),
            new Tile("ones", n, filled(n, 1), ones),
            new Tile("minus ones", n, filled(n, -1), ones),
            new Tile("zero weights", n, gaussian(n, random, 1), new float[n * LANES]),
            new Tile("sparse weights", n, gaussian(n, random, 1), sparse(n, random)),
            new Tile("denormals", n, gaussian(n, random, 1e-40f), ones),
            new Tile("tiny", n, gaussian(n, random, 1e-14f), ones),
            new Tile("huge", n, gaussian(n, random, 1e18f), ones),
            new Tile("mixed scales", n, mixed(n, random), magnitudes(n, random)),
            new Tile("one outlier", n, outlier(n, random), ones),
            new Tile("nearly flat", n, nearlyFlat(n, random), ones),
            new Tile("positive", n, magnitudes(n, random), ones),
            new Tile("bfloat16", n, bfloat16(gaussian(n, random, 0.05f)), magnitudes(n, random)),
            new Tile("a few values", n, quantized(n, random), ones),
            new Tile("between codes", n, betweenCodes(n, random), ones));
    return Stream.concat(random20, odd);
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void weightsAreEqual(Tile tile) {
    int size = tile.n * LANES;
    float[] sigma = gaussianSquares(LANES);
    for (int kind = 0; kind < 4; kind++) {
      float[] expected = new float[size];
      float[] found = new float[size];
      weigh(SCALAR, kind, tile, sigma, expected);
      weigh(VECTOR, kind, tile, sigma, found);
      assertThat(bits(found)).as("kind " + kind).isEqualTo(bits(expected));
    }
    float[] expected = new float[LANES];
    float[] found = new float[LANES];
    SCALAR.sums(tile.x, tile.n, expected);
    VECTOR.sums(tile.x, tile.n, found);
    assertThat(bits(found)).isEqualTo(bits(expected));
  }

  private static void weigh(Kernels kernels, int kind, Tile tile, float[] sigma, float[] w) {
    switch (kind) {
      case 0 -> kernels.magnitudes(tile.x, tile.n, w);
      case 1 -> kernels.squares(tile.x, tile.n, w);
      case 2 -> kernels.meanPlusMagnitudes(tile.x, tile.n, w);
      default -> kernels.importanceWeights(tile.x, tile.w, sigma, tile.n, w);
    }
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void searchScaleMinIsEqual(Tile tile) {
    for (int max : new int[] {3, 15, 31}) {
      for (boolean absolute : new boolean[] {false, true}) {
        Found expected = new Found(tile.n);
        Found found = new Found(tile.n);
        SCALAR.searchScaleMin(
            tile.x,
            tile.w,
            tile.n,
            max,
            -1f,
            0.1f,
            20,
            absolute,
            expected.scale,
            expected.min,
            expected.levels);
        VECTOR.searchScaleMin(
            tile.x,
            tile.w,
            tile.n,
            max,
            -1f,
            0.1f,
            20,
            absolute,
            found.scale,
            found.min,
            found.levels);
        found.assertEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void searchScaleIsEqual(Tile tile) {
    for (int max : new int[] {4, 8, 16, 32}) {
      Found expected = new Found(tile.n);
      Found found = new Found(tile.n);
      SCALAR.searchScale(tile.x, tile.w, tile.n, max, expected.scale, expected.levels);
      VECTOR.searchScale(tile.x, tile.w, tile.n, max, found.scale, found.levels);
      found.assertEqualTo(expected);
    }
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void descendScaleIsEqual(Tile tile) {
    Found expected = new Found(tile.n);
    Found found = new Found(tile.n);
    SCALAR.descendScale(tile.x, tile.n, 4, expected.scale, expected.levels);
    VECTOR.descendScale(tile.x, tile.n, 4, found.scale, found.levels);
    found.assertEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void searchCodebookScaleIsEqual(Tile tile) {
    Found expected = new Found(tile.n);
    Found found = new Found(tile.n);
    SCALAR.searchCodebookScale(tile.x, tile.w, tile.n, CODEBOOK, 7, expected.scale);
    VECTOR.searchCodebookScale(tile.x, tile.w, tile.n, CODEBOOK, 7, found.scale);
    found.assertEqualTo(expected);
    float[] inverse = gaussianSquares(LANES);
    SCALAR.nearestInCodebook(tile.x, inverse, tile.n, CODEBOOK, expected.levels);
    VECTOR.nearestInCodebook(tile.x, inverse, tile.n, CODEBOOK, found.levels);
    found.assertEqualTo(expected);
  }

  @Test
  void nearestInCodebookIsEqualAroundEveryMidpoint() {
    float[] x = new float[16 * LANES];
    for (int k = 0; k < 15; k++) {
      float middle = (CODEBOOK[k] + CODEBOOK[k + 1]) / 2f;
      float[] near = {
        Math.nextDown(middle),
        middle,
        Math.nextUp(middle),
        CODEBOOK[k],
        Math.nextUp((float) CODEBOOK[k]),
        -0f,
        0f
      };
      System.arraycopy(near, 0, x, k * LANES, near.length);
    }
    System.arraycopy(new float[] {Float.NaN, 1e30f, -1e30f, 0.3e-8f}, 0, x, 15 * LANES, 4);
    Found expected = new Found(16);
    Found found = new Found(16);
    float[] ones = new float[LANES];
    Arrays.fill(ones, 1);
    SCALAR.nearestInCodebook(x, ones, 16, CODEBOOK, expected.levels);
    VECTOR.nearestInCodebook(x, ones, 16, CODEBOOK, found.levels);
    found.assertEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void quantizeIsEqual(Tile tile) {
    float[] scale = gaussian(1, new Random(3), 0.01f);
    scale[3] = 0;
    scale[5] = 1e-30f; // what is divided by it cannot be rounded the short way
    float[] min = magnitudes(1, new Random(4));
    Found expected = new Found(tile.n);
    Found found = new Found(tile.n);
    Arrays.fill(expected.levels, 77);
    Arrays.fill(found.levels, 77);
    SCALAR.quantize(tile.x, scale, min, tile.n, -4, 3, expected.levels);
    VECTOR.quantize(tile.x, scale, min, tile.n, -4, 3, found.levels);
    found.assertEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void blocksAreEqual(Tile tile) {
    for (int at = 0; at + 32 <= tile.x.length; at += 32) {
      float extreme = SCALAR.extreme(tile.x, at, 32);
      assertThat(bits(VECTOR.extreme(tile.x, at, 32))).isEqualTo(bits(extreme));
      float scale = extreme / -8;
      float inverse = scale != 0 ? 1 / scale : 0; // infinite for denormals
      assertThat(bits(VECTOR.smallest32(tile.x, at)))
          .isEqualTo(bits(SCALAR.smallest32(tile.x, at)));
      assertThat(bits(VECTOR.largest32(tile.x, at))).isEqualTo(bits(SCALAR.largest32(tile.x, at)));
      byte[] expected = new byte[40];
      byte[] found = new byte[40];
      SCALAR.roundAway32(tile.x, at, inverse * 15, expected, 5);
      VECTOR.roundAway32(tile.x, at, inverse * 15, found, 5);
      assertThat(found).isEqualTo(expected);
      for (int most : new int[] {15, 31, Integer.MAX_VALUE}) {
        int fifthBits =
            SCALAR.truncate32(tile.x, at, extreme / 2, inverse, 8.5f, most, expected, 5);
        assertThat(VECTOR.truncate32(tile.x, at, extreme / 2, inverse, 8.5f, most, found, 5))
            .isEqualTo(fifthBits);
        assertThat(found).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tiles")
  void bfloat16IsEqual(Tile tile) {
    short[] expected = new short[301];
    short[] found = new short[301];
    SCALAR.roundToBfloat16(tile.x, 3, 301, expected);
    VECTOR.roundToBfloat16(tile.x, 3, 301, found);
    assertThat(found).isEqualTo(expected);
  }

  @Test
  void signedZerosKeepTheirOrder() {
    for (float[] zeros : new float[][] {{0f, -0f}, {-0f, 0f}}) {
      float[] x = new float[32];
      for (int i = 0; i < 32; i++) {
        x[i] = zeros[i == 0 ? 0 : 1];
      }
      assertThat(bits(VECTOR.smallest32(x, 0))).isEqualTo(bits(SCALAR.smallest32(x, 0)));
      assertThat(bits(VECTOR.largest32(x, 0))).isEqualTo(bits(SCALAR.largest32(x, 0)));
    }
  }

  @Test
  void gatherLaysSubBlocksSideBySide() {
    float[] x = gaussian(32, new Random(1), 1);
    for (Kernels kernels : List.of(SCALAR, VECTOR)) {
      float[] tile = filled(16, 9);
      kernels.gather(x, 5, 16, 2, 3, tile);
      for (int i = 0; i < 16; i++) {
        for (int lane = 0; lane < LANES; lane++) {
          boolean loaded = lane >= 2 && lane < 5;
          assertThat(tile[i * LANES + lane]).isEqualTo(loaded ? x[5 + (lane - 2) * 16 + i] : 9);
        }
      }
    }
  }

  @Test
  void findsTheFirstNumberThatIsNone() {
    for (int length : new int[] {0, 1, 4, 13, 16, 17, 207, 702}) {
      float[] x = new float[length];
      assertThat(SCALAR.firstNonFinite(x, 0, length)).isEqualTo(-1);
      assertThat(VECTOR.firstNonFinite(x, 0, length)).isEqualTo(-1);
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
        for (int at = 0; at < length; at += 1 + length / 7) {
          float[] y = x.clone();
          y[at] = bad;
          assertThat(SCALAR.firstNonFinite(y, 0, length)).isEqualTo(at);
          assertThat(VECTOR.firstNonFinite(y, 0, length)).isEqualTo(at);
        }
      }
    }
  }

  private static int[] bits(float... values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      bits[i] = Float.floatToIntBits(values[i]); // all NaN alike
    }
    return bits;
  }

  private static float[] filled(int n, float value) {
    float[] x = new float[n * LANES];
    Arrays.fill(x, value);
    return x;
  }

  private static float[] gaussian(int n, Random random, float scale) {
    float[] x = new float[n * LANES];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian() * scale;
    }
    return x;
  }

  private static float[] magnitudes(int n, Random random) {
    float[] x = gaussian(n, random, 1);
    for (int i = 0; i < x.length; i++) {
      x[i] = Math.abs(x[i]);
    }
    return x;
  }

  private static float[] sparse(int n, Random random) {
    float[] x = magnitudes(n, random);
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextInt(4) == 0 ? x[i] : 0;
    }
    return x;
  }

  private static float[] mixed(int n, Random random) {
    float[] x = gaussian(n, random, 1);
    for (int i = 0; i < x.length; i++) {
      x[i] *= (float) Math.pow(10, i % LANES - 12);
    }
    return x;
  }

  private static float[] outlier(int n, Random random) {
    float[] x = gaussian(n, random, 0.01f);
    for (int lane = 0; lane < LANES; lane++) {
      x[random.nextInt(n) * LANES + lane] = lane % 2 == 0 ? 100 : -100;
    }
    return x;
  }

  private static float[] nearlyFlat(int n, Random random) {
    float[] x = filled(n, -1);
    for (int i = 0; i < x.length; i++) {
      x[i] += random.nextInt(3) * 0x1p-24f;
    }
    return x;
  }

  private static float[] quantized(int n, Random random) {
    float[] x = new float[n * LANES];
    for (int i = 0; i < x.length; i++) {
      x[i] = (random.nextInt(5) - 2) * 0.25f;
    }
    return x;
  }

  /** Halves of integers, and their neighbours, which an inverse scale of 1 leaves as they are. */
  private static float[] betweenCodes(int n, Random random) {
    float[] x = new float[n * LANES];
    for (int i = 0; i < x.length; i++) {
      float half = (random.nextInt(509) - 254) / 2f;
      x[i] =
          switch (random.nextInt(3)) {
            case 0 -> Math.nextUp(half);
            case 1 -> Math.nextDown(half);
            default -> half;
          };
    }
    Arrays.fill(x, 0, LANES, -127);
    return x;
  }

  private static float[] bfloat16(float[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] = Float.intBitsToFloat(Float.floatToIntBits(x[i]) & 0xFFFF0000);
    }
    return x;
  }

  private static float[] gaussianSquares(int count) {
    Random random = new Random(5);
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      float g = (float) random.nextGaussian();
      x[i] = g * g;
    }
    return x;
  }
}
