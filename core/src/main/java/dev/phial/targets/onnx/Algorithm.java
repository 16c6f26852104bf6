package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.method.KQuant;
import dev.phial.quant.method.MinMax;
import dev.phial.quant.method.NeuralRtn;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How codes of MatMulNBits are chosen, and what its tensors are called: ONNX Runtime's quantizer
 * and the one it took from Neural Compressor do not agree.
 */
enum Algorithm {
  DEFAULT {
    @Override
    GroupInt format(int bits, int size, boolean symmetric, FloatType type) {
      // bfloat16 scales are rounded when the codes have been chosen
      FloatType chosenFor = type == FloatType.BF16 ? FloatType.F32 : type;
      return new GroupInt(bits, size, type, new MinMax(bits, symmetric, chosenFor, false), type);
    }
  },
  RTN {
    @Override
    GroupInt format(int bits, int size, boolean symmetric, FloatType type) {
      return new GroupInt(bits, size, type, new NeuralRtn(bits, symmetric, type), type);
    }
  },
  K_QUANT {
    @Override
    GroupInt format(int bits, int size, boolean symmetric, FloatType type) {
      return new GroupInt(bits, size, type, new KQuant(bits, type), type);
    }
  };

  static Algorithm named(String name) {
    return Arrays.stream(values())
        .filter(algorithm -> algorithm.label().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new PhialException.Usage(
                "--algo: expected one of %s, found %s"
                    .formatted(
                        String.join(", ", Arrays.stream(values()).map(Algorithm::label).toList()),
                        name)));
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  abstract GroupInt format(int bits, int size, boolean symmetric, FloatType type);

  /** The tensors of {@code weight}, an {@code [n, k]} matrix, in the order of the original. */
  List<Initializer> initializers(String weight, long n, long k, int blockSize, GroupInt format) {
    long blocks = k / blockSize;
    int bits = format.bits();
    String suffix = this == DEFAULT ? "_Q" + bits : "_Q%dG%d".formatted(bits, blockSize);
    Initializer codes =
        Initializer.of(weight + suffix, OnnxType.UINT8, n, blocks, (long) blockSize * bits / 8);
    Initializer scales =
        Initializer.of(
            weight + (this == DEFAULT ? "_scales" : "_scale"),
            OnnxType.of(format.scaleType()),
            n,
            blocks);
    Initializer zeros =
        Initializer.of(
            weight + (this == DEFAULT ? "_zero_points" : "_zp"),
            OnnxType.UINT8,
            n,
            (blocks * bits + 7) / 8);
    if (this == DEFAULT) {
      return format.hasZeros() ? List.of(codes, scales, zeros) : List.of(codes, scales);
    }
    return format.hasZeros() ? List.of(scales, zeros, codes) : List.of(scales, codes);
  }
}
