package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.engine.convert.Order;
import dev.phial.engine.report.PlanPage;
import dev.phial.engine.tune.Tuner;
import dev.phial.io.AtomicFile;
import dev.phial.io.Inputs;
import dev.phial.io.Sizes;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code phial tune}: a type for every matrix. */
@Command(
    name = "tune",
    header = "Finds the types with the least loss in a given size.",
    description =
        "Measures what every matrix would lose in every type that the runtime takes, and writes a plan that phial quantize --plan takes.",
    footer = {"", "To try it: phial tune demo --size 2850K -o plan.json"},
    customSynopsis = "phial tune MODEL (--size N | --bits B | --ram N) -o FILE [OPTIONS]",
    sortOptions = false)
final class TuneCommand implements Callable<Integer> {
  /** Points of the curve. */
  private static final int CURVE = 12;

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = "--to",
      paramLabel = "TARGET[:PRECISION]",
      description =
          "What to plan, with options after commas as in phial quantize: gguf:Q4_K_M (default), onnx, openvino or mlx.")
  private String to = "gguf:Q4_K_M";

  @Option(names = "--size", paramLabel = "N(K|M|G)", description = "Bytes that the file may have.")
  private Optional<String> size = Optional.empty();

  @Option(
      names = "--bits",
      paramLabel = "B",
      description = "Bits per weight that the file may have.")
  private Optional<Double> bits = Optional.empty();

  @Option(
      names = "--ram",
      paramLabel = "N(K|M|G)",
      description =
          "Memory that weights and a key-value cache in half precision may take at run time.")
  private Optional<String> ram = Optional.empty();

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "Tokens of the cache that --ram counts; 4096 by default.")
  private int context = 4096;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "The plan to write.")
  private Path output = Path.of("");

  @Option(
      names = "--curve",
      description = "Print what the best plans of other sizes are expected to lose as well.")
  private boolean curve;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Also write a page with that curve, and what every matrix would lose.")
  private Optional<Path> html = Optional.empty();

  @Option(names = "--force", description = "Replace a plan or page that exists.")
  private boolean force;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Mixin private CalibrationTextOptions text = new CalibrationTextOptions();

  @Option(names = "--threads", paramLabel = "N", description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    Threads.check(threads);
    if (Stream.of(size, bits, ram).filter(Optional::isPresent).count() != 1) {
      throw new PhialException.Usage("expected one of --size, --bits and --ram");
    }
    try (Checkpoint checkpoint =
        ModelArgument.open(model, ModelArgument.Weights.ALL, reading, Optional.empty())) {
      Inputs inputs = new Inputs().addAll(ModelArgument.inputs(model, checkpoint));
      inputs.addAll(text.text().files());
      inputs.refuse(output, "-o");
      AtomicFile.check(output, force);
      html.ifPresent(page -> {
        inputs.refuse(page, "--html");
        AtomicFile.check(page, force);
      });
      ModelDescription description = Families.describe(checkpoint);
      long budget = budget(description);
      Order order =
          new TargetArguments(List.of(to), Map.of())
              .orders(checkpoint, description, Method.REFERENCE, text.text())
              .getFirst();
      Tuner tuner = new Tuner(order, to);
      tuner.check(budget);
      tuner.measure(threads, Bar.progress());
      Tuner.Result result = tuner.spend(budget);
      AtomicFile.put(output, result.plan().toJson(), force);
      System.out.println(output);
      List<Tuner.Result> best = curve || html.isPresent() ? tuner.curve(CURVE) : List.of();
      html.ifPresent(page -> {
        String text = PlanPage.of(result, best, Pages.circumstances(spec));
        AtomicFile.put(page, text.getBytes(StandardCharsets.UTF_8), force);
        System.out.println(page);
      });
      if (curve) {
        print(best);
      }
      print(result, stopwatch);
      return Main.DONE;
    }
  }

  private long budget(ModelDescription description) {
    if (bits.isPresent()) {
      if (!(bits.get() > 0 && bits.get() < 32)) {
        throw new PhialException.Usage("--bits: expected a number above 0, found " + bits.get());
      }
      return (long) (bits.get() * description.parameters() / Byte.SIZE);
    }
    if (size.isPresent()) {
      return bytes("--size", size.get());
    }
    if (context < 1) {
      throw new PhialException.Usage("--context: expected at least 1, found " + context);
    }
    return bytes("--ram", ram.orElseThrow()) - description.hyperparameters().cacheBytes(context);
  }

  private static long bytes(String option, String text) {
    if (!text.matches("\\d{1,12}|\\d{1,6}(\\.\\d{1,4})?[KMG]")) {
      throw new PhialException.Usage(
          "%s: expected a number of bytes, or one and K, M or G, found %s".formatted(option, text));
    }
    double unit =
        switch (text.charAt(text.length() - 1)) {
          case 'K' -> 1e3;
          case 'M' -> 1e6;
          case 'G' -> 1e9;
          default -> 1;
        };
    return (long)
        (Double.parseDouble(unit == 1 ? text : text.substring(0, text.length() - 1)) * unit);
  }

  private static void print(List<Tuner.Result> results) {
    Table table = new Table("rr").row("size", "expected KLD");
    results.forEach(
        result -> table.row(Sizes.of(result.bytes()), "%.6f".formatted(result.plan().loss())));
    table.print(System.out);
  }

  private void print(Tuner.Result result, Stopwatch stopwatch) {
    Map<String, Integer> counts = new TreeMap<>();
    result.plan().types().values().forEach(type -> counts.merge(type, 1, Integer::sum));
    System.err.printf(
        "%s: %s, expected to lose a KL divergence of %.6f (no plan of this size: less than %.6f) with --method reference%n",
        counts, Sizes.of(result.bytes()), result.plan().loss(), result.bound());
    System.err.println(stopwatch);
  }
}
