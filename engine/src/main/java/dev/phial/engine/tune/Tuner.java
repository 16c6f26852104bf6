package dev.phial.engine.tune;

import dev.phial.PhialException;
import dev.phial.choose.InputMoments;
import dev.phial.engine.calibrate.MomentSums;
import dev.phial.engine.convert.Order;
import dev.phial.engine.convert.TextChunks;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.Backward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.run.Walk;
import dev.phial.io.Progress;
import dev.phial.io.Sizes;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.targets.Request;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures what every matrix of a model would lose in every type, in one pass forward and one back
 * over a text, and spends a budget of bytes so that the model loses the least. Nothing is evaluated
 * twice: losses add up.
 */
public final class Tuner {
  private static final List<Format> FORMATS =
      List.of(
          Formats.Q2_K,
          Formats.Q3_K,
          Formats.IQ4_XS,
          Formats.Q4_K,
          Formats.Q5_K,
          Formats.Q6_K,
          Formats.Q8_0);

  /** For rows that are no whole number of blocks of the others. */
  private static final List<Format> NARROW =
      List.of(Formats.Q4_0, Formats.IQ4_NL, Formats.Q5_0, Formats.Q5_1, Formats.Q8_0);

  private final Order order;
  private final List<Losses> losses = new ArrayList<>();
  private final IdentityHashMap<Weight, double[]> gradients =
      new IdentityHashMap<>(); // Σ g² of each row
  private long read;

  /**
   * @param order for a GGUF file in which all matrices have blocks, such as Q8_0
   */
  public Tuner(Order order) {
    this.order = order;
    for (PlannedTensor tensor : order.layout().plan().tensors()) {
      if (!tensor.isCopied() && tensor.format().blockSize() > 1 && tensor.shape().rank() > 1) {
        boolean isWide = tensor.columns() % Formats.Q2_K.blockSize() == 0;
        losses.add(new Losses(tensor, isWide ? FORMATS : NARROW));
      }
    }
  }

  /**
   * Measures.
   *
   * @throws PhialException if the text cannot be read, or the model cannot read it
   */
  public void measure(int threads, Progress progress) {
    Request request = order.request();
    List<int[]> texts = TextChunks.of(request.text(), request.checkpoint(), request.model());
    try (Team team = new Team(threads);
        Progress.Stage stage =
            progress.begin(Progress.Unit.WEIGHTS, 2 * request.model().parameters())) {
      Model model = Model.of(request.model());
      back(model, texts, team, stage);
      forward(model, texts, team, stage);
    }
  }

  private void back(Model model, List<int[]> texts, Team team, Progress.Stage progress) {
    MomentSums embedding = new MomentSums(model.hyperparameters().hidden(), false, team);
    Backward.Observer observer =
        new Backward.Observer() {
          @Override
          public void embedding(Activations found) {
            embedding.add(found, null);
          }

          @Override
          public void output(Weight weight, int matrix, Activations found) {
            addSquares(weight, matrix, found);
          }
        };
    long parameters = model.description().parameters();
    int count = Math.clamp(Backward.USUAL_TOKENS / texts.getFirst().length, 1, texts.size());
    try (Backward backward = new Backward(model, team, observer)) {
      for (int i = 0; i < count; i++) {
        backward.run(texts.get(i), i);
        read += texts.get(i).length;
        progress.advance("gradients", parameters / count);
      }
    }
    InputMoments moments = embedding.moments();
    for (Losses tensor : losses) {
      Weight weight = tensor.tensor().weight();
      if (weight.role() == Role.TOKEN_EMBEDDING) {
        tensor.add(weight, 0, moments, frequencies(weight, texts), team);
      }
    }
  }

  /** How often each token is read, for a token that is read, per token of gradients. */
  private double[] frequencies(Weight embedding, List<int[]> texts) {
    double[] counts = new double[Math.toIntExact(embedding.shape().rows())];
    Arrays.fill(counts, 0.5); // what this text lacks another will have
    double total = 0.5 * counts.length;
    for (int[] text : texts) {
      for (int token : text) {
        counts[token]++;
      }
      total += text.length;
    }
    for (int i = 0; i < counts.length; i++) {
      counts[i] /= total * read;
    }
    return counts;
  }

  private void addSquares(Weight weight, int matrix, Activations found) {
    int rows = Math.toIntExact(weight.matrixRows());
    double[] sums =
        gradients.computeIfAbsent(
            weight, w -> new double[Math.toIntExact(w.shape().elements() / w.shape().columns())]);
    for (int token = 0; token < found.count(); token++) {
      int at = found.row(token);
      for (int i = 0; i < rows; i++) {
        float g = found.values()[at + i];
        sums[matrix * rows + i] += (double) g * g;
      }
    }
  }

  private void forward(Model model, List<int[]> texts, Team team, Progress.Stage progress) {
    try (Walk walk = new Walk(model, team, texts)) {
      for (Walk.Stage stage = walk.next(); stage != null; stage = walk.next()) {
        MomentSums sums = new MomentSums(stage.columns(), false, team);
        for (int i = 0; i < walk.texts(); i++) {
          sums.add(walk.input(i), null);
        }
        InputMoments moments = sums.moments();
        for (Walk.Reader reader : stage.readers()) {
          add(reader, moments, sums.count(), team);
          progress.advance(
              reader.weight().ggufName(),
              reader.weight().matrixRows() * reader.weight().shape().columns());
        }
      }
    }
  }

  private void add(Walk.Reader reader, InputMoments moments, long count, Team team) {
    double[] squares = gradients.get(reader.weight());
    if (squares == null || count == 0) {
      return;
    }
    int rows = Math.toIntExact(reader.weight().matrixRows());
    double[] factors = new double[rows];
    for (int i = 0; i < rows; i++) {
      factors[i] = squares[reader.matrix() * rows + i] / read / count;
    }
    for (Losses tensor : losses) {
      if (tensor.tensor().weight() == reader.weight()) {
        tensor.add(reader.weight(), reader.matrix(), moments, factors, team);
      }
    }
  }

  /** Bytes of a file that are no matrix. */
  private long rest() {
    return order.layout().plan().bytes()
        - losses.stream().mapToLong(tensor -> tensor.tensor().bytes()).sum();
  }

  /** A plan, and how good it is. */
  public record Result(TypePlan plan, long bytes, double bound) {}

  /**
   * The types with the least loss in a file of at most so many bytes.
   *
   * @throws PhialException.Unsupported if no types make it so small
   */
  public Result spend(long bytes) {
    List<List<Knapsack.Option>> items = losses.stream().map(Losses::options).toList();
    Knapsack knapsack = new Knapsack(items);
    long rest = rest();
    if (bytes - rest < knapsack.least()) {
      throw new PhialException.Unsupported(
          "expected a budget of at least %s, what the smallest types take, found %s"
              .formatted(Sizes.of(rest + knapsack.least()), Sizes.of(bytes)));
    }
    Knapsack.Result result = knapsack.solve(bytes - rest);
    Map<String, String> types = new HashMap<>();
    for (int i = 0; i < losses.size(); i++) {
      types.put(losses.get(i).tensor().name(), losses.get(i).format(result.taken()[i]).name());
    }
    TypePlan plan = new TypePlan(order.request().checkpoint().name(), result.loss(), types);
    return new Result(plan, rest + result.bytes(), result.bound());
  }
}
