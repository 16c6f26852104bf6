package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.source.OnnxGraph.Node;
import dev.phial.tensor.DType;
import dev.phial.tensor.Tensor;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoublePredicate;
import java.util.function.Predicate;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the tables of cosines and sines in a graph were made from: the base of the frequencies, or,
 * for LongRoPE, a factor for each. A frequency is the angle of position 1, made exact by those of
 * positions further on; numbers are taken to be the shortest that give the tables.
 */
final class OnnxRotary {
  /** Of every Phi with LongRoPE; from the tables only its product with the factors follows. */
  private static final double USUAL_THETA = 10_000;

  private static final int LONGEST_NUMBER = 17; // digits

  private final Path file;
  private final OnnxGraph graph;
  private final int heads;
  private final int headSize;
  private final int context;

  private OnnxRotary(Path file, OnnxGraph graph, int heads, int headSize, int context) {
    this.file = file;
    this.graph = graph;
    this.heads = heads;
    this.headSize = headSize;
    this.context = context;
  }

  /**
   * Adds the rotary settings, in the schema of config.json.
   *
   * @throws PhialException.Unsupported if the graph rotates in another way
   */
  static void describe(
      Path file, OnnxGraph graph, int heads, int headSize, int context, ObjectNode config) {
    new OnnxRotary(file, graph, heads, headSize, context).describe(config);
  }

  /**
   * Some rows of two tables.
   *
   * @param first row of position 0
   */
  private record Table(Tensor cosines, Tensor sines, int first, int positions) {
    int columns() {
      return (int) cosines.shape().columns();
    }
  }

  /**
   * Angles per position, and how far each may be off.
   *
   * @param scale on cosines and sines
   * @param scaleError how far it may be off
   */
  private record Frequencies(double[] angles, double[] errors, double scale, double scaleError) {}

  private void describe(ObjectNode config) {
    Node node =
        graph.nodes().stream()
            .filter(n ->
                n.op().equals("RotaryEmbedding")
                    || n.op().equals("GroupQueryAttention") && n.number("do_rotary", 0) == 1)
            .findFirst()
            .orElseThrow(() ->
                Refusal.unsupported(file, "expected rotary embedding in attention, found none"));
    int at = node.op().equals("RotaryEmbedding") ? 2 : 7;
    if (node.number("interleaved", 0) != 0 || node.number("rotary_interleaved", 0) != 0) {
      throw Refusal.unsupported(
          file, "node %s: expected rotated halves, found interleaved ones", node.name());
    }
    Optional<Tensor> cosines = graph.constant(node.input(at));
    Optional<Tensor> sines = graph.constant(node.input(at + 1));
    if (cosines.isPresent() && sines.isPresent()) {
      Optional<Integer> original =
          threshold("GreaterOrEqual").filter(t -> cosines.get().shape().rows() > t);
      if (original.isPresent() && cosines.get().shape().rows() > context) { // one below the other
        int shorter = original.get();
        long rest = cosines.get().shape().rows() - shorter;
        longRope(
            config,
            shorter,
            table(cosines.get(), sines.get(), 0, shorter),
            table(cosines.get(), sines.get(), shorter, rest));
      } else {
        plain(config, table(cosines.get(), sines.get(), 0, cosines.get().shape().rows()));
      }
      return;
    }
    Node choice =
        graph.nodes().stream()
            .filter(n -> n.op().equals("If") && n.outputs().contains(node.input(at)))
            .findFirst()
            .orElseThrow(() -> unknown(node));
    int original = threshold("Greater").orElseThrow(() -> unknown(node));
    longRope(
        config, original, branch(choice, "else_branch", node), branch(choice, "then_branch", node));
  }

  private PhialException unknown(Node node) {
    return Refusal.unsupported(
        file,
        "node %s: expected tables of cosines and sines, or a choice between two, found %s",
        node.name(),
        node.input(node.op().equals("RotaryEmbedding") ? 2 : 7));
  }

  /** The position from which on the long table counts. */
  private Optional<Integer> threshold(String op) {
    return graph.nodes().stream()
        .filter(node -> node.op().equals(op))
        .map(node -> graph.constant(node.input(1)))
        .flatMap(Optional::stream)
        .filter(value -> value.encoding() == DType.I64 && value.shape().elements() == 1)
        .map(OnnxRotary::whole)
        .filter(value -> value >= 2 && value <= Integer.MAX_VALUE)
        .map(Long::intValue)
        .findFirst();
  }

  private static long whole(Tensor scalar) {
    byte[] bytes = new byte[Long.BYTES];
    scalar.copy(0, 1, bytes, 0);
    return java.nio.ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).getLong();
  }

  /** The tables that a branch of an If gives, which are Constants in it. */
  private Table branch(Node choice, String branch, Node user) {
    OnnxGraph inner = choice.graph(branch).orElseThrow(() -> unknown(user));
    List<Tensor> both = new ArrayList<>();
    for (String kind : List.of("cos", "sin")) {
      Predicate<String> isKind = name -> name.startsWith(kind);
      both.add(
          inner.nodes().stream()
              .filter(node -> node.op().equals("Constant"))
              .filter(node -> node.outputs().stream().anyMatch(isKind))
              .flatMap(node -> inner.constant(node.outputs().getFirst()).stream())
              .findFirst()
              .orElseThrow(() -> unknown(user)));
    }
    return table(both.get(0), both.get(1), 0, both.get(0).shape().rows());
  }

  private Table table(Tensor cosines, Tensor sines, long first, long positions) {
    long columns = cosines.shape().columns();
    boolean isFloat =
        cosines.encoding() == DType.F32
            || cosines.encoding() == DType.F16
            || cosines.encoding() == DType.BF16;
    if (cosines.shape().rank() != 2
        || !cosines.shape().equals(sines.shape())
        || !isFloat
        || cosines.encoding() != sines.encoding()
        || columns < 1
        || columns > headSize / 2
        || positions < 2
        || positions > Integer.MAX_VALUE) {
      throw Refusal.bad(
          file,
          "tensor %s: expected cosines for at least two positions and up to %d dimensions, found %s %s and sines %s",
          cosines.name(),
          headSize / 2,
          cosines.encoding().name(),
          cosines.shape(),
          sines.shape());
    }
    return new Table(cosines, sines, (int) first, (int) positions);
  }

  // --- from angles to settings

  private void plain(ObjectNode config, Table table) {
    partial(config, table);
    Frequencies found = frequencies(table);
    Optional<Double> theta = theta(found);
    if (theta.isPresent() && Math.abs(found.scale - 1) <= found.scaleError) {
      config.put("rope_theta", theta.get());
      config.put("original_max_position_embeddings", context);
      return;
    }
    longRope(config, context, table, table); // of a model that was never stretched
  }

  private void longRope(ObjectNode config, int original, Table small, Table large) {
    if (original > context) {
      throw Refusal.bad(
          file,
          "expected LongRoPE from position %d or sooner, found it from %d",
          context,
          original);
    }
    if (small.columns() != large.columns()) {
      throw Refusal.bad(
          file,
          "expected rotary tables of equal width, found %d and %d columns",
          small.columns(),
          large.columns());
    }
    partial(config, small);
    config.put("rope_theta", USUAL_THETA);
    config.put("original_max_position_embeddings", original);
    ObjectNode scaling = config.putObject("rope_scaling");
    scaling.put("type", "longrope");
    double stretch = (double) context / original;
    double usual = stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original));
    factors(scaling, "short", frequencies(small), usual);
    factors(scaling, "long", frequencies(large), usual);
  }

  private static void factors(ObjectNode to, String kind, Frequencies found, double usualScale) {
    ArrayNode factors = to.putArray(kind + "_factor");
    for (int i = 0; i < found.angles.length; i++) {
      double wavelength = Math.pow(USUAL_THETA, 2.0 * i / (2 * found.angles.length));
      double angle = found.angles[i];
      double error = found.errors[i];
      factors.add(
          shortest(
              1 / (angle * wavelength),
              factor -> Math.abs(1 / (factor * wavelength) - angle) <= error));
    }
    if (Math.abs(found.scale - usualScale) > found.scaleError) {
      to.put(
          kind + "_mscale",
          shortest(found.scale, scale -> Math.abs(scale - found.scale) <= found.scaleError));
    }
  }

  private void partial(ObjectNode config, Table table) {
    int dimensions = 2 * table.columns();
    if (dimensions != headSize) {
      double part = (double) dimensions / headSize;
      // whoever multiplies with it rounds down
      boolean isExact = (int) (part * heads * headSize) / heads == dimensions;
      config.put("partial_rotary_factor", isExact ? part : Math.nextUp(part));
    }
  }

  /** The base whose powers the frequencies are, if they are. */
  private static Optional<Double> theta(Frequencies found) {
    double[] angles = found.angles;
    if (angles.length == 1) {
      return Math.abs(angles[0] - 1) <= found.errors[0]
          ? Optional.of(USUAL_THETA)
          : Optional.empty();
    }
    int best = 1; // the column that says most about it
    for (int i = 1; i < angles.length; i++) {
      if (found.errors[i] / (angles[i] * i) < found.errors[best] / (angles[best] * best)) {
        best = i;
      }
    }
    DoublePredicate fits =
        theta -> {
          for (int i = 0; i < angles.length; i++) {
            double expected = Math.pow(theta, -(double) i / angles.length);
            if (!(Math.abs(expected - angles[i]) <= found.errors[i])) {
              return false;
            }
          }
          return true;
        };
    double estimate = Math.pow(angles[best], -(double) angles.length / best);
    double theta = Double.isFinite(estimate) ? shortest(estimate, fits) : estimate;
    return fits.test(theta) ? Optional.of(theta) : Optional.empty();
  }

  /** The number of the fewest digits near {@code value} that is good enough. */
  private static double shortest(double value, DoublePredicate isGood) {
    BigDecimal exact = new BigDecimal(value);
    for (int digits = 1; digits < LONGEST_NUMBER; digits++) {
      double rounded = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN)).doubleValue();
      if (isGood.test(rounded)) {
        return rounded;
      }
    }
    return value;
  }

  // --- from tables to angles

  private Frequencies frequencies(Table table) {
    int columns = table.columns();
    double precision = precision(table.cosines);
    float[] cosines = new float[columns];
    float[] sines = new float[columns];
    read(table, 0, cosines, sines);
    double scale = cosines[0];
    for (int i = 0; i < columns; i++) {
      if (!(scale > 0) || cosines[i] != cosines[0] || sines[i] != 0) {
        throw strange(table, 0);
      }
    }
    double[] angles = new double[columns];
    double[] errors = new double[columns];
    for (int position = 1; position > 0 && position < table.positions; position *= 2) {
      read(table, position, cosines, sines);
      for (int i = 0; i < columns; i++) {
        double length = Math.hypot(cosines[i], sines[i]);
        double expected = angles[i] * position;
        double turned =
            Math.IEEEremainder(Math.atan2(sines[i], cosines[i]) - expected, 2 * Math.PI);
        double angle = (expected + turned) / position;
        boolean isStrange =
            !(Math.abs(length - scale) <= 8 * precision * scale)
                || position == 1 && !(angle > 0)
                || position > 1 && Math.abs(turned) > 0.1 + 4 * precision * position;
        if (isStrange) {
          throw strange(table, position);
        }
        // of the sine, and of the single-precision number whose sine it is
        double error =
            (2 * precision * Math.min(1, position * angle) + 2 * smallest(table.cosines)) / position
                + angle * 0x1p-23;
        if (position == 1 || error < errors[i]) {
          angles[i] = angle;
          errors[i] = error;
        }
      }
    }
    for (int position : new int[] {3, table.positions / 3, table.positions - 1}) {
      check(table, Math.min(position, table.positions - 1), angles, errors, scale);
    }
    return new Frequencies(angles, errors, scale, scale * precision);
  }

  private void check(Table table, int position, double[] angles, double[] errors, double scale) {
    float[] cosines = new float[angles.length];
    float[] sines = new float[angles.length];
    read(table, position, cosines, sines);
    for (int i = 0; i < angles.length; i++) {
      double angle = angles[i] * position;
      double tolerance =
          scale * (position * errors[i] + angle * 0x1p-23 + 4 * precision(table.cosines));
      if (!(Math.abs(cosines[i] - scale * Math.cos(angle)) <= tolerance)
          || !(Math.abs(sines[i] - scale * Math.sin(angle)) <= tolerance)) {
        throw strange(table, position);
      }
    }
  }

  private PhialException strange(Table table, int position) {
    return Refusal.unsupported(
        file,
        "tensor %s: expected cosines and sines of positions times frequencies, found others at position %d",
        table.cosines.name(),
        position);
  }

  private static void read(Table table, int position, float[] cosines, float[] sines) {
    table.cosines.read(table.first + position, 1, cosines, 0);
    table.sines.read(table.first + position, 1, sines, 0);
  }

  /** Half the distance of neighbours, relatively, in the type of a table. */
  private static double precision(Tensor table) {
    return table.encoding() == DType.F32
        ? 0x1p-24
        : table.encoding() == DType.F16 ? 0x1p-11 : 0x1p-8;
  }

  /** Half the distance of zero from its neighbours. */
  private static double smallest(Tensor table) {
    return table.encoding() == DType.F16 ? 0x1p-25 : 0;
  }
}
