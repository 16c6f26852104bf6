package dev.phial.quant;

import dev.phial.kernel.GroupKernels;
import dev.phial.kernel.SmallFloats;
import dev.phial.tensor.DType;
import java.util.List;

/**
 * {@code nvfp4}: 16 numbers of four bits (E2M1) share a scale of eight (E4M3); MLX's {@code
 * fp_quantize} without a scale for the whole tensor.
 */
final class MlxNvfp4 extends MlxFormat {
  private static final MlxElement SCALE = MlxElement.E4M3;
  private static final MlxElement ELEMENT = MlxElement.E2M1;

  MlxNvfp4(FloatType number) {
    super("nvfp4", "nvfp4", 4, 16, number, List.of(new Plane(".scales", DType.U8, 1)));
  }

  @Override
  void encodeGroup(GroupKernels kernels, float[] x, int from, byte[] codes, byte[] to, int at) {
    float[] range = new float[2];
    kernels.range(x, from, blockSize(), range);
    float magnitude = Math.max(-range[0], range[1]);
    int scale = SmallFloats.e4m3(number().round(magnitude / ELEMENT.largest()));
    to[at] = (byte) scale;
    ELEMENT.encode(kernels, x, from, blockSize(), SCALE.decode(scale), number(), codes);
  }

  @Override
  float value(int code) {
    return ELEMENT.decode(code);
  }

  @Override
  public DType scaleType() {
    return DType.F8_E4M3;
  }

  @Override
  public Grid grid() {
    return grid(ScaleType.E4M3);
  }

  @Override
  void layShared(GridBlock block, byte[] to, int at) {
    to[at] = (byte) SmallFloats.e4m3(block.scale);
  }
}
