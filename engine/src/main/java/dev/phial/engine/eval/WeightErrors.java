package dev.phial.engine.eval;

import dev.phial.PhialException;
import dev.phial.engine.run.Team;
import dev.phial.kernel.Kernels;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How far the weights of a candidate are from those of a reference, layer by layer: the root mean
 * square of the difference over that of the reference.
 */
public final class WeightErrors {
  private static final int PIECE = 64 * 1024;

  private final double[] squares; // of the embedding, of each layer, of the output matrix
  private final double[] errors;

  private WeightErrors(int layers) {
    squares = new double[layers + 2];
    errors = new double[layers + 2];
  }

  /** Some rows of a parameter in both models. */
  private record Piece(Weight reference, Weight candidate, long first, int count) {}

  /**
   * Reads all weights of both models.
   *
   * @return of the embedding, of each layer and of the output matrix; {@code NaN} where the two
   *     have nothing in common, as the output matrix where it is the embedding
   * @throws PhialException.BadInput if one of them holds NaN or infinity
   */
  public static List<Double> of(ModelDescription reference, ModelDescription candidate, Team team) {
    WeightErrors sums = new WeightErrors(reference.hyperparameters().layers());
    List<Piece> pieces = pieces(reference, candidate);
    Sums[] found = new Sums[pieces.size()];
    AtomicInteger next = new AtomicInteger();
    team.forEach(
        team.size(),
        worker -> {
          float[] x = new float[PIECE];
          float[] y = new float[PIECE];
          for (int i = next.getAndIncrement(); i < pieces.size(); i = next.getAndIncrement()) {
            Piece piece = pieces.get(i);
            int length = Math.toIntExact(piece.count * piece.reference.shape().columns());
            if (length > x.length) {
              x = new float[length];
              y = new float[length];
            }
            read(piece.reference, piece, x, length);
            read(piece.candidate, piece, y, length);
            found[i] = Sums.of(x, y, length);
          }
        });
    for (int i = 0; i < found.length; i++) { // in an order that does not depend on the threads
      sums.add(pieces.get(i).reference, found[i]);
    }
    return sums.result();
  }

  private static List<Piece> pieces(ModelDescription reference, ModelDescription candidate) {
    Map<String, Weight> others = new HashMap<>();
    candidate.weights().forEach(weight -> others.put(key(weight), weight));
    List<Piece> pieces = new ArrayList<>();
    for (Weight weight : reference.weights()) {
      Weight other = others.get(key(weight));
      if (!counts(weight) || other == null || !other.shape().equals(weight.shape())) {
        continue;
      }
      long rows = weight.shape().rows();
      int step = Math.clamp(PIECE / Math.max(1, weight.shape().columns()), 1, PIECE);
      for (long row = 0; row < rows; row += step) {
        pieces.add(new Piece(weight, other, row, (int) Math.min(step, rows - row)));
      }
    }
    return pieces;
  }

  private static String key(Weight weight) {
    return weight.role() + " " + weight.layer() + " " + weight.part();
  }

  private static boolean counts(Weight weight) {
    return weight.layer() >= 0
        || weight.role() == Role.TOKEN_EMBEDDING
        || weight.role() == Role.OUTPUT;
  }

  private static void read(Weight weight, Piece piece, float[] to, int length) {
    weight.read(piece.first, piece.count, to);
    int bad = Kernels.best().firstNonFinite(to, 0, length);
    if (bad >= 0) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected finite numbers, found %s; the file is damaged, or a number was too large for its type"
              .formatted(
                  weight.slices().getFirst().file(), weight.slices().getFirst().name(), to[bad]));
    }
  }

  /** Of a piece. */
  private record Sums(double squares, double errors) {
    static Sums of(float[] x, float[] y, int length) {
      double square = 0;
      double error = 0;
      for (int i = 0; i < length; i++) {
        double difference = (double) y[i] - x[i];
        square += (double) x[i] * x[i];
        error += difference * difference;
      }
      return new Sums(square, error);
    }
  }

  private void add(Weight weight, Sums sums) {
    int place = weight.role() == Role.OUTPUT ? squares.length - 1 : weight.layer() + 1;
    squares[place] += sums.squares;
    errors[place] += sums.errors;
  }

  private List<Double> result() {
    List<Double> result = new ArrayList<>();
    for (int i = 0; i < squares.length; i++) {
      result.add(squares[i] > 0 ? Math.sqrt(errors[i] / squares[i]) : Double.NaN);
    }
    return result;
  }
}
