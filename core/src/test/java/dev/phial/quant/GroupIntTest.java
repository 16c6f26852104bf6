package dev.phial.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.quant.method.DividingMinMax;
import dev.phial.quant.method.GroupMethod;
import dev.phial.quant.method.KQuant;
import dev.phial.quant.method.MinMax;
import dev.phial.quant.method.NeuralRtn;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every method keeps values within a step of its scale, and survives groups that are awkward. */
final class GroupIntTest {
  static Stream<GroupInt> formats() {
    List<GroupInt> formats = new ArrayList<>();
    for (FloatType type : FloatType.values()) {
      for (int bits : new int[] {4, 8}) {
        List<GroupMethod> methods =
            new ArrayList<>(
                List.of(
                    new MinMax(bits, true, type, false),
                    new MinMax(bits, false, type, false),
                    new MinMax(bits, true, type, true),
                    new NeuralRtn(bits, true, type),
                    new NeuralRtn(bits, false, type),
                    new KQuant(bits, type)));
        if (bits == 4) {
          methods.add(new DividingMinMax(true, type));
          methods.add(new DividingMinMax(false, type));
        }
        methods.forEach(method -> formats.add(new GroupInt(bits, 32, type, method)));
      }
    }
    return formats.stream();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void valuesSurvive(GroupInt format) {
    float[] x = new float[32 * 40];
    Random random = new Random(1);
    for (int i = 0; i < x.length; i++) {
      x[i] = format.scaleType().round((float) random.nextGaussian());
    }
    float[] y = roundTrip(format, x);
    for (int group = 0; group < x.length; group += 32) {
      float largest = 0;
      for (int i = group; i < group + 32; i++) {
        largest = Math.max(largest, Math.abs(x[i]));
      }
      // the far end of a symmetric range is one step short, and scales are rounded
      float step = 2 * largest / ((1 << format.bits()) - 1);
      float tolerance = 1.1f * step + largest * 0x1p-7f;
      for (int i = group; i < group + 32; i++) {
        assertThat(y[i])
            .as("%s, element %d", format, i)
            .isBetween(x[i] - tolerance, x[i] + tolerance);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void awkwardGroupsGiveNumbers(GroupInt format) {
    float[] x = new float[32 * 6];
    Arrays.fill(x, 32, 64, 0.25f);
    Arrays.fill(x, 64, 96, -0.25f);
    x[100] = 1;
    x[130] = -1;
    Arrays.fill(x, 160, 192, Float.MIN_VALUE);
    float[] y = roundTrip(format, x);
    for (int i = 0; i < y.length; i++) {
      assertThat(y[i]).isFinite();
      assertThat(i >= 32 || y[i] == 0).as("zeros stay zeros").isTrue();
    }
  }

  private static float[] roundTrip(GroupInt format, float[] x) {
    byte[] bytes = new byte[(int) format.bytes(x.length)];
    format.encode(x, 1, x.length, null, bytes, 0);
    float[] y = new float[x.length];
    format.decode(MemorySegment.ofArray(bytes), 0, y, 0, y.length);
    return y;
  }
}
