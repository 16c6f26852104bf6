package dev.phial.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.quant.method.AutoRound;
import dev.phial.quant.method.CompressedTensorsInt;
import dev.phial.quant.method.MinMax;
import dev.phial.quant.method.PairSafe;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is laid down as points of a grid is read back as the numbers that the grid says. */
final class GridFormatTest {
  /** Every format that has a grid. */
  static Stream<GridFormat> formats() {
    List<GridFormat> formats = new ArrayList<>();
    for (Format format : Formats.ALL) {
      if (format instanceof GridFormat grid) {
        formats.add(grid);
      }
    }
    for (FloatType type : FloatType.values()) {
      for (int bits : new int[] {4, 8}) {
        formats.add(new GroupInt(bits, 32, type, new MinMax(bits, true, type, false)));
        formats.add(new GroupInt(bits, 64, type, new MinMax(bits, false, type, false)));
      }
      for (int bits : MlxFormats.BITS) {
        formats.add(new MlxAffine(bits, 64, type));
      }
      formats.add(new MlxMx(MlxElement.E2M1, type));
      formats.add(new MlxMx(MlxElement.E4M3, type));
      formats.add(new MlxNvfp4(type));
    }
    formats.add(new GroupInt(8, 96, FloatType.F32, new PairSafe()));
    for (FloatScales scales : NncfScales.values()) {
      formats.add(new GroupFloat(32, scales, FloatType.F32));
    }
    for (FloatType type : FloatType.values()) {
      formats.add(new GroupFloat(96, new TorchScales.Rows(type), type));
      formats.add(new GroupFloat(32, new TorchScales.Powers(type, 4), type));
      formats.add(new GroupFloat(32, new TorchScales.Powers(type, 8), type));
      formats.add(new GroupInt(8, 96, type, new CompressedTensorsInt(8, true, type)));
    }
    formats.add(new GroupInt(4, 64, FloatType.F16, new AutoRound(4, false, FloatType.F32)));
    return formats.stream();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void laysPointsDown(GridFormat format) {
    Grid grid = format.grid();
    assertThat(grid.blockSize()).isEqualTo(format.blockSize());
    Random random = new Random(1);
    for (int round = 0; round < 20; round++) {
      GridBlock block = new GridBlock(grid);
      float[] expected = some(grid, block, random);
      byte[] bytes = new byte[format.blockBytes()];
      format.lay(block, bytes, 0);
      float[] found = new float[grid.blockSize()];
      format.decode(MemorySegment.ofArray(bytes), 0, found, 0, found.length);
      for (int i = 0; i < found.length; i++) {
        assertThat(found[i])
            .as("%s, element %d", format.name(), i)
            .isCloseTo(expected[i], within(1e-5f * Math.max(1, Math.abs(expected[i]))));
      }
    }
  }

  /** Fills a block; returns the numbers that it holds. */
  private static float[] some(Grid grid, GridBlock block, Random random) {
    block.scale = grid.scaleType().round(0.01f + random.nextFloat());
    if (grid.scaleType().isSigned() && grid.offset() == Grid.Offset.NONE && random.nextBoolean()) {
      block.scale = -block.scale;
    }
    block.minimum =
        grid.offset() == Grid.Offset.NUMBER || grid.offset() == Grid.Offset.MINIMUM
            ? grid.scaleType().round(random.nextFloat())
            : 0;
    float[] values = new float[grid.blockSize()];
    for (int group = 0; group < grid.groups(); group++) {
      block.scales[group] =
          grid.hasTwoLevels() ? random.nextInt(grid.leastScale(), grid.mostScale() + 1) : 0;
      block.minima[group] =
          switch (grid.offset()) {
            case MINIMUM -> random.nextInt(grid.mostScale() + 1);
            case ZERO_POINT -> random.nextInt(grid.points().count());
            default -> 0;
          };
      double scale = grid.hasTwoLevels() ? block.scale * block.scales[group] : block.scale;
      double offset =
          switch (grid.offset()) {
            case NONE -> 0;
            case NUMBER -> block.minimum;
            case MINIMUM -> -block.minimum * block.minima[group];
            case ZERO_POINT -> -scale * block.minima[group];
          };
      for (int i = 0; i < grid.groupSize(); i++) {
        float point = grid.points().values()[random.nextInt(grid.points().count())];
        block.codes[group * grid.groupSize() + i] = grid.points().code(point);
        values[group * grid.groupSize() + i] = (float) (scale * point + offset);
      }
    }
    return values;
  }
}
