package dev.phial.engine.tune;

import static java.util.stream.Collectors.toSet;

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
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.targets.Mixing;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Measures what every matrix of a model would lose in every type, in one pass forward and one back
 * over a text, and spends a budget of bytes so that the model loses the least. Nothing is evaluated
 * twice: losses add up.
 */
public final class Tuner {
  private final Order order;
  private final String to;
  private final Mixing mixing;
  private final List<Losses> losses;
  private final IdentityHashMap<Weight, double[]> gradients =
      new IdentityHashMap<>(); // Σ g² of each row
  private long read;

  /**
   * @param order what matrices have that get no type of their own
   * @param to how it was asked for
   * @throws PhialException.Unsupported if the runtime takes no mixture
   */
  public Tuner(Order order, String to) {
    this.order = order;
    this.to = to;
    this.mixing =
        order
            .target()
            .mixing()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s: expected a runtime that takes matrices of several types, found one that does not; tune for gguf, onnx, openvino or mlx"
                        .formatted(order.target().name())));
    Map<String, Map<String, PlannedTensor>> choices = new LinkedHashMap<>();
    for (Request pure : mixing.pure(order.request())) {
      for (PlannedTensor tensor : plan(pure).tensors()) {
        if (tensor.format().blockSize() > 1 && tensor.shape().rank() > 1) {
          choices
              .computeIfAbsent(tensor.name(), name -> new LinkedHashMap<>())
              .putIfAbsent(mixing.type(tensor.format()), tensor);
        }
      }
    }
    Set<String> free = free(choices);
    this.losses =
        choices.entrySet().stream()
            .filter(entry -> free.contains(entry.getKey()))
            .map(entry -> new Losses(List.copyOf(entry.getValue().values())))
            .toList();
  }

  private Plan plan(Request request) {
    return order.target().plan(request).plan();
  }

  /** Tensors that can have a type of their own: experts have one in common in some runtimes. */
  private Set<String> free(Map<String, Map<String, PlannedTensor>> choices) {
    Map<String, String> types = new HashMap<>();
    choices.forEach((name, tensors) -> {
      if (tensors.size() > 1) {
        types.put(name, List.copyOf(tensors.keySet()).getLast());
      }
    });
    return plan(request(types)).tensors().stream()
        .filter(tensor -> mixing.type(tensor.format()).equals(types.get(tensor.name())))
        .map(PlannedTensor::name)
        .collect(toSet());
  }

  private Request request(Map<String, String> types) {
    Options options = order.request().options();
    for (Map.Entry<String, String> tensor : types.entrySet()) {
      String[] option = mixing.option(tensor.getKey(), tensor.getValue()).split("=", 2);
      options = options.and(option[0], option[1]);
    }
    return order.request().with(options);
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
    for (Weight weight : order.layout().model().weights()) {
      if (weight.role() == Role.TOKEN_EMBEDDING) {
        double[] factors = frequencies(weight, texts);
        losses.forEach(tensor -> tensor.add(weight, 0, weight.role(), moments, factors, team));
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
          add(reader, stage.role(reader, this::hasOutput), moments, sums.count(), team);
          progress.advance(
              reader.weight().ggufName(),
              reader.weight().matrixRows() * reader.weight().shape().columns());
        }
      }
    }
  }

  private boolean hasOutput(Weight weight) {
    return losses.stream().anyMatch(tensor -> tensor.holds(weight, Role.OUTPUT));
  }

  private void add(Walk.Reader reader, Role role, InputMoments moments, long count, Team team) {
    double[] squares = gradients.get(reader.weight());
    if (squares == null || count == 0) {
      return;
    }
    int rows = Math.toIntExact(reader.weight().matrixRows());
    double[] factors = new double[rows];
    for (int i = 0; i < rows; i++) {
      factors[i] = squares[reader.matrix() * rows + i] / read / count;
    }
    losses.forEach(
        tensor -> tensor.add(reader.weight(), reader.matrix(), role, moments, factors, team));
  }

  /**
   * A plan, and how good it is.
   *
   * @param bytes of the output
   * @param bound no plan of as many bytes loses less
   */
  public record Result(TypePlan plan, long bytes, double bound) {}

  /**
   * Refuses a budget that nothing fits: measuring takes long, and would not change that.
   *
   * @throws PhialException.Unsupported if no types make an output of so few bytes
   */
  public void check(long bytes) {
    Result smallest = smallest(knapsack());
    if (smallest.bytes > bytes) {
      throw tooLittle(smallest, bytes);
    }
  }

  private Result smallest(Knapsack knapsack) {
    return result(knapsack.solve(knapsack.least()));
  }

  private static PhialException tooLittle(Result smallest, long bytes) {
    return new PhialException.Unsupported(
        "expected a budget of at least %s, what the smallest types take, found %s"
            .formatted(Sizes.of(smallest.bytes), Sizes.of(bytes)));
  }

  /**
   * The types with the least loss in an output of at most so many bytes.
   *
   * @throws PhialException.Unsupported if no types make it so small
   */
  public Result spend(long bytes) {
    Knapsack knapsack = knapsack();
    Result smallest = smallest(knapsack);
    // what is no matrix differs by a name here and there
    long budget = bytes - (smallest.bytes - knapsack.least());
    while (budget >= knapsack.least()) {
      Result result = result(knapsack.solve(budget));
      if (result.bytes <= bytes) {
        return result;
      }
      budget -= result.bytes - bytes;
    }
    throw tooLittle(smallest, bytes);
  }

  /**
   * The best that some sizes hold, from the smallest types to the largest.
   *
   * @param points how many, at least 2
   */
  public List<Result> curve(int points) {
    Knapsack knapsack = knapsack();
    long least = knapsack.least();
    long most =
        losses.stream()
            .mapToLong(tensor ->
                tensor.options().stream().mapToLong(Knapsack.Option::bytes).max().orElse(0))
            .sum();
    return IntStream.range(0, points)
        .mapToObj(i -> result(knapsack.solve(least + (most - least) * i / (points - 1))))
        .toList();
  }

  private Knapsack knapsack() {
    return new Knapsack(losses.stream().map(Losses::options).toList());
  }

  private Result result(Knapsack.Result found) {
    Map<String, String> types = new HashMap<>();
    for (int i = 0; i < losses.size(); i++) {
      Losses tensor = losses.get(i);
      types.put(tensor.name(), mixing.type(tensor.format(found.taken()[i])));
    }
    TypePlan plan =
        new TypePlan(order.request().checkpoint().name(), to, found.loss(), types, reasons());
    return new Result(plan, plan(request(types)).bytes(), found.bound());
  }

  /** What every tensor would lose in every type. */
  private Map<String, Map<String, Double>> reasons() {
    Map<String, Map<String, Double>> reasons = new HashMap<>();
    for (Losses tensor : losses) {
      List<Knapsack.Option> options = tensor.options();
      Map<String, Double> lost = new LinkedHashMap<>();
      for (int i = 0; i < options.size(); i++) {
        lost.put(mixing.type(tensor.format(i)), options.get(i).loss());
      }
      reasons.put(tensor.name(), lost);
    }
    return reasons;
  }
}
