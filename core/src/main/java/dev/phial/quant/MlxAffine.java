package dev.phial.quant;

import dev.phial.kernel.GroupKernels;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.DType;
import dev.phial.tensor.IntegerBlocks;
import java.util.List;

/**
 * {@code scale · code + bias}: codes of 2, 3, 4, 5, 6 or 8 bits over the range of the group, so
 * placed that its end of larger magnitude is hit exactly, and zero if it lies between two codes;
 * MLX's {@code affine_quantize}.
 */
final class MlxAffine extends MlxFormat implements IntegerBlocks {
  private static final float LEAST_SCALE = 1e-7f;

  MlxAffine(int bits, int groupSize, FloatType number) {
    super(
        "%dbit-g%d".formatted(bits, groupSize),
        "affine",
        bits,
        groupSize,
        number,
        List.of(
            new Plane(".scales", number.type(), number.bytes()),
            new Plane(".biases", number.type(), number.bytes())));
  }

  @Override
  void encodeGroup(GroupKernels kernels, float[] x, int from, byte[] codes, byte[] to, int at) {
    int most = (1 << bits()) - 1;
    float[] range = new float[2];
    kernels.range(x, from, blockSize(), range);
    float smallest = range[0];
    float largest = range[1];
    boolean negative = Math.abs(smallest) > Math.abs(largest);
    float step = Math.max((largest - smallest) / most, LEAST_SCALE);
    float scale = negative ? step : -step;
    float edge = negative ? smallest : largest;
    float steps = (float) Math.rint(edge / scale);
    float bias = 0;
    if (steps != 0) {
      scale = edge / steps;
      bias = edge;
    }
    kernels.affine(x, from, blockSize(), scale, bias, most, codes);
    number().put(to, at, scale);
    number().put(to, at + number().bytes(), bias);
  }

  @Override
  float value(int code) {
    return code;
  }

  @Override
  public Coding coding() {
    return new Coding(blockSize(), 0, (1 << bits()) - 1, Coding.Offset.NUMBER);
  }

  @Override
  public void takeApart(byte[] from, int at, CodedRows to, int group) {
    byte[] codes = new byte[blockSize()];
    BitStream.unpack(from, at, bits(), codes);
    for (int i = 0; i < codes.length; i++) {
      to.codes()[group * blockSize() + i] = (short) (codes[i] & 0xFF);
    }
    int scale = at + planes().getFirst().bytes();
    to.scales()[group] = number().get(from, scale);
    to.offsets()[group] = number().get(from, scale + number().bytes());
  }

  @Override
  public Grid grid() {
    return Grid.of(
        blockSize(),
        Points.integers(0, (1 << bits()) - 1),
        Grid.Offset.NUMBER,
        ScaleType.of(number()));
  }

  @Override
  void layShared(GridBlock block, byte[] to, int at) {
    number().put(to, at, block.scale);
    number().put(to, at + number().bytes(), block.minimum);
  }

  @Override
  public DType scaleType() {
    return number().type();
  }
}
