package dev.phial.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every vector kernel for groups against its scalar definition. */
final class GroupKernelsTest {
  private static final GroupKernels SCALAR = new ScalarGroupKernels();
  private static final GroupKernels VECTOR = new VectorGroupKernels();

  /** A group to try. */
  record Group(String name, float[] x) {
    @Override
    public String toString() {
      return name + " of " + x.length;
    }
  }

  static Stream<Group> groups() {
    Random random = new Random(5);
    return Stream.of(16, 32, 64, 128).flatMap(n -> groups(n, random));
  }

  /** For kernels that take any. */
  static Stream<Group> lengths() {
    Random random = new Random(7);
    return Stream.of(2, 16, 50, 64, 250).flatMap(n -> groups(n, random));
  }

  private static Stream<Group> groups(int n, Random random) {
    return Stream.of(
        new Group("zeros", new float[n]),
        new Group("gaussian", fill(n, i -> (float) random.nextGaussian())),
        new Group("small", fill(n, i -> (float) random.nextGaussian() * 1e-3f)),
        new Group("any bits", fill(n, i -> finite(random))),
        new Group("halves", fill(n, i -> random.nextInt(-512, 512) / 2f)),
        new Group("eighths", fill(n, i -> random.nextInt(-64, 64) / 8f)),
        new Group(
            "steps below the normal numbers", fill(n, i -> random.nextInt(-64, 64) * 0x1p-11f)),
        new Group("around the largest", fill(n, i -> 440 + i)),
        new Group("negative", fill(n, i -> -random.nextFloat())),
        new Group("alternating", fill(n, i -> i % 2 == 0 ? 1 : -1)));
  }

  private static float finite(Random random) {
    float x = Float.intBitsToFloat(random.nextInt());
    return Float.isFinite(x) ? x : 1;
  }

  private interface Filler {
    float at(int i);
  }

  private static float[] fill(int n, Filler filler) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = filler.at(i);
    }
    return x;
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void extremes(Group group) {
    int n = group.x.length;
    float[] x = new float[n + 3];
    System.arraycopy(group.x, 0, x, 3, n);
    float[] expected = new float[2];
    float[] found = new float[2];
    SCALAR.range(x, 3, n, expected);
    VECTOR.range(x, 3, n, found);
    assertThat(found)
        .usingComparator((a, b) -> a[0] == b[0] && a[1] == b[1] ? 0 : 1)
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @MethodSource("groups")
  void affine(Group group) {
    int n = group.x.length;
    for (int most : new int[] {3, 7, 15, 31, 63, 255}) {
      for (float[] scaleAndBias : new float[][] {{0.25f, -3}, {-0.1f, 2}, {1e-7f, 0}, {1, -8}}) {
        byte[] expected = new byte[n + GroupKernels.ROOM];
        byte[] found = new byte[n + GroupKernels.ROOM];
        SCALAR.affine(group.x, 0, n, scaleAndBias[0], scaleAndBias[1], most, expected);
        VECTOR.affine(group.x, 0, n, scaleAndBias[0], scaleAndBias[1], most, found);
        assertThat(Arrays.copyOf(found, n)).isEqualTo(Arrays.copyOf(expected, n));
      }
    }
  }

  @Test
  void affineGivesSomeCodeEvenWhereAGroupOverflowed() {
    for (GroupKernels kernels : new GroupKernels[] {SCALAR, VECTOR}) {
      byte[] codes = new byte[32 + GroupKernels.ROOM];
      kernels.affine(new float[32], 0, 32, 0, 0, 15, codes); // 0 / 0
      for (byte code : codes) {
        assertThat(code).isBetween((byte) 0, (byte) 15);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("groups")
  void smallFloats(Group group) {
    int n = group.x.length;
    byte[] expected = new byte[n + GroupKernels.ROOM];
    byte[] found = new byte[n + GroupKernels.ROOM];
    for (float divisor : new float[] {1, 0.25f, 0.3f}) {
      for (int drop : new int[] {0, 13, 16}) {
        SCALAR.e2m1(group.x, 0, n, divisor, drop, expected);
        VECTOR.e2m1(group.x, 0, n, divisor, drop, found);
        assertThat(Arrays.copyOf(found, n)).isEqualTo(Arrays.copyOf(expected, n));
        SCALAR.e4m3(group.x, 0, n, divisor, drop, expected);
        VECTOR.e4m3(group.x, 0, n, divisor, drop, found);
        assertThat(Arrays.copyOf(found, n)).isEqualTo(Arrays.copyOf(expected, n));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void steps(Group group) {
    int n = group.x.length;
    byte[] expected = new byte[n + GroupKernels.ROOM];
    byte[] found = new byte[n + GroupKernels.ROOM];
    for (float divisor : new float[] {1, 0.25f, 0.3f}) {
      for (float[] limits : new float[][] {{-0.5f, 0, 0.3f, 2}, {0.25f, 1, 100}}) {
        for (boolean signed : new boolean[] {false, true}) {
          SCALAR.steps(group.x, 0, n, divisor, limits, signed, expected);
          VECTOR.steps(group.x, 0, n, divisor, limits, signed, found);
          assertThat(Arrays.copyOf(found, n)).isEqualTo(Arrays.copyOf(expected, n));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void quotients(Group group) {
    int n = group.x.length;
    float[] x = new float[n + 3];
    System.arraycopy(group.x, 0, x, 3, n);
    for (int most : new int[] {15, 255}) {
      for (int zero : new int[] {0, 3, most}) {
        for (float divisor : new float[] {1, -2, 0.37f, 0x1p-23f}) {
          for (int low : new int[] {0, -(most + 1) / 2}) {
            byte[] expected = new byte[n + 5];
            byte[] found = new byte[n + 5];
            SCALAR.quotients(x, 3, n, divisor, zero, low, most + low, -low, expected, 5);
            VECTOR.quotients(x, 3, n, divisor, zero, low, most + low, -low, found, 5);
            assertThat(found).as("%s / %s + %d", group, divisor, zero).isEqualTo(expected);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("groups")
  void levelsOfAStretch(Group group) {
    int n = group.x.length;
    float[] x = new float[n + 3];
    System.arraycopy(group.x, 0, x, 3, n);
    for (int most : new int[] {15, 255}) {
      for (int zero : new int[] {0, 3, most / 2 + 1, most}) {
        for (float inverse : new float[] {0, 1, -2, 0.37f, 1e30f, Float.POSITIVE_INFINITY}) {
          for (boolean last : new boolean[] {false, true}) {
            byte[] expected = new byte[n + 5];
            byte[] actual = new byte[n + 5];
            SCALAR.levels(x, 3, n, inverse, zero, most, last, expected, 5);
            VECTOR.levels(x, 3, n, inverse, zero, most, last, actual, 5);
            assertThat(actual).as("%s · %s + %d", group, inverse, zero).isEqualTo(expected);
          }
        }
      }
    }
  }
}
