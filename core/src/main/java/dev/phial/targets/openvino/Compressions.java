package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.graph.DecoderGraph;
import dev.phial.model.Weight;
import dev.phial.quant.FloatType;
import dev.phial.quant.NncfScales;
import dev.phial.quant.method.Nncf;
import dev.phial.targets.openvino.OpenvinoOptions.Fallback;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * Which matrix is stored how: the rules of NNCF's {@code compress_weights} without data. Embedding
 * and output matrix, and with a ratio below 1 those that bear four bits least, get the backup
 * precision.
 */
final class Compressions {
  /** No group is made smaller than that to fit: {@code min_adjusted_group_size}. */
  private static final int SMALLEST_GROUP = 32;

  /** Elements that are judged at a time. */
  private static final int CHUNK = 1 << 16;

  private final OpenvinoOptions options;
  private final FloatType origin;
  private final Map<String, Compression> byName = new HashMap<>();

  /**
   * @param origin type of what is not compressed
   */
  Compressions(DecoderGraph decoder, OpenvinoOptions options, FloatType origin) {
    this.options = options;
    this.origin = origin;
    IrMatrix embedding = IrMatrix.of(decoder.embedding());
    IrMatrix output = IrMatrix.of(decoder.output().weight());
    List<IrMatrix> inner = Matrices.inLayers(decoder);
    boolean isTied = decoder.hyperparameters().tied();
    if (options.keeps()) {
      all(embedding, inner, output).forEach(matrix -> byName.put(matrix.name(), kept(matrix)));
      return;
    }
    switch (options.precision()) {
      case FP32 -> keep(all(embedding, inner, output), FloatType.F32);
      case FP16 -> keep(all(embedding, inner, output), FloatType.F16);
      case INT8 ->
          all(embedding, inner, output)
              .forEach(matrix ->
                  byName.put(
                      matrix.name(),
                      Compression.integers(
                          8, options.symmetric(), -1, matrix.columns(), input(matrix))));
      case INT4, NF4, MXFP4 -> {
        List<IrMatrix> candidates = new ArrayList<>(inner);
        if (options.allLayers()) {
          if (!isTied) {
            candidates.add(output);
          }
          candidates.add(embedding);
        }
        all(embedding, inner, output).forEach(matrix -> byName.put(matrix.name(), backup(matrix)));
        compress(candidates);
        all(embedding, inner, output).forEach(this::giveOwnBits);
      }
    }
  }

  private void giveOwnBits(IrMatrix matrix) {
    options
        .single()
        .of(matrix.constant(origin))
        .ifPresent(bits -> {
          boolean isPrimary = bits == 4;
          if (isPrimary) {
            check(matrix, options.groupSize());
          }
          byName.put(
              matrix.name(), isPrimary ? primary(matrix, options.groupSize()) : backup(matrix));
        });
  }

  Compression of(IrMatrix matrix) {
    return Optional.ofNullable(byName.get(matrix.name())).orElseThrow();
  }

  private static List<IrMatrix> all(IrMatrix embedding, List<IrMatrix> inner, IrMatrix output) {
    List<IrMatrix> all = new ArrayList<>(inner);
    all.addFirst(embedding);
    all.add(output);
    return all;
  }

  private void keep(List<IrMatrix> matrices, FloatType type) {
    matrices.forEach(matrix -> byName.put(matrix.name(), new Compression.Numbers(type)));
  }

  private Compression kept(IrMatrix matrix) {
    return Kept.of(
            matrix.name(),
            List.of(matrix.weight()),
            from -> Kept.integers(from, List.of(from.groupSize())),
            FloatType.F16)
        .map(recoding -> Compression.kept(recoding, matrix.columns()))
        .orElse(new Compression.Numbers(origin));
  }

  /** What a matrix is rounded to first; nothing where that is what it has. */
  private FloatType input(IrMatrix matrix) {
    Weight weight = matrix.weight();
    return weight.isPlain() && weight.encoding() == origin.type() ? FloatType.F32 : origin;
  }

  private Compression backup(IrMatrix matrix) {
    return switch (options.backup()) {
      case NONE -> new Compression.Numbers(origin);
      case INT8_ASYM -> Compression.integers(8, false, -1, matrix.columns(), input(matrix));
      case INT8_SYM -> Compression.integers(8, true, -1, matrix.columns(), input(matrix));
      case MXFP8_E4M3 -> {
        if (options.fallback() == Fallback.IGNORE && matrix.columns() % options.groupSize() != 0) {
          yield new Compression.Numbers(origin);
        }
        check(matrix, options.groupSize());
        yield Compression.floats(
            NncfScales.MXFP8, options.groupSize(), matrix.columns(), input(matrix));
      }
    };
  }

  private void compress(List<IrMatrix> candidates) {
    Map<String, Integer> sizes = new HashMap<>();
    List<IrMatrix> fitting = new ArrayList<>();
    for (IrMatrix matrix : candidates) {
      int size = options.groupSize();
      if (size != -1 && matrix.columns() % size != 0) {
        switch (options.fallback()) {
          case ERROR -> {} // it may still get the backup precision
          case IGNORE -> {
            byName.put(matrix.name(), new Compression.Numbers(origin));
            continue;
          }
          case ADJUST -> {
            size = Integer.lowestOneBit(matrix.columns());
            if (size < SMALLEST_GROUP) {
              continue;
            }
          }
        }
      }
      sizes.put(matrix.name(), size);
      fitting.add(matrix);
    }
    for (IrMatrix matrix : options.ratio() < 1 ? leastSensitive(fitting) : fitting) {
      int size = sizes.getOrDefault(matrix.name(), -1);
      check(matrix, size);
      byName.put(matrix.name(), primary(matrix, size));
    }
  }

  private Compression primary(IrMatrix matrix, int size) {
    return switch (options.precision()) {
      case NF4 -> Compression.floats(NncfScales.NF4, size, matrix.columns(), input(matrix));
      case MXFP4 -> Compression.floats(NncfScales.MXFP4, size, matrix.columns(), input(matrix));
      default ->
          Compression.integers(4, options.symmetric(), size, matrix.columns(), input(matrix));
    };
  }

  private void check(IrMatrix matrix, int size) {
    if (size != -1 && matrix.columns() % size != 0) {
      throw new PhialException.Unsupported(
          "tensor %s: expected rows that divide into groups of %d, found %d columns; pass another --group-size, or --group-size-fallback ignore or adjust"
              .formatted(matrix.name(), size, matrix.columns()));
    }
    if (matrix.columns() % 2 != 0) {
      throw new PhialException.Unsupported(
          "tensor %s: expected an even number of columns for four bits, found %d; choose openvino:int8"
              .formatted(matrix.name(), matrix.columns()));
    }
  }

  /**
   * What eight bits do most harm to bears four best, by the data-free criterion: matrices are taken
   * in that order until the ratio is reached.
   */
  private List<IrMatrix> leastSensitive(List<IrMatrix> matrices) {
    long total = matrices.stream().mapToLong(IrMatrix::elements).sum();
    Map<String, Double> errors = new HashMap<>();
    matrices.forEach(matrix -> errors.put(matrix.name(), error(matrix)));
    List<IrMatrix> ordered = new ArrayList<>(matrices);
    ordered.sort(Comparator.comparingDouble(matrix -> -errors.getOrDefault(matrix.name(), 0.0)));
    List<IrMatrix> chosen = new ArrayList<>();
    long elements = 0;
    for (IrMatrix matrix : ordered) {
      elements += matrix.elements();
      if ((double) elements / total >= options.ratio()) {
        break;
      }
      chosen.add(matrix);
    }
    return chosen;
  }

  /** The largest mean squared error of a row in eight bits. */
  private double error(IrMatrix matrix) {
    Nncf method = new Nncf(8, false);
    int columns = matrix.columns();
    int step = Math.max(1, CHUNK / columns);
    return LongStream.range(0, Math.ceilDiv(matrix.rows(), step))
        .parallel()
        .mapToDouble(chunk -> {
          long first = chunk * step;
          int rows = (int) Math.min(step, matrix.rows() - first);
          float[] values = new float[rows * columns];
          matrix.weight().read(matrix.first() + first, rows, values);
          double worst = 0;
          for (int row = 0; row < rows; row++) {
            worst = Math.max(worst, method.error(values, row * columns, columns));
          }
          return worst;
        })
        .max()
        .orElse(0);
  }
}
