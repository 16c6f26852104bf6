package dev.phial.engine.convert;

import dev.phial.engine.calibrate.RangeSearch;
import dev.phial.io.EntryLog;
import dev.phial.io.Progress;
import dev.phial.kernel.Kernels;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.InputMomentsFile;
import dev.phial.source.Sha256;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Manifest;
import dev.phial.targets.Request;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What must be found out before outputs can be written, by letting the model read a text. What was
 * found is held until it is closed.
 */
public final class Preparation implements AutoCloseable {
  private final int threads;
  private final Progress progress;
  private final Optional<Path> resume;
  private final Map<Search, ActivationRanges> ranges = new HashMap<>();
  private final List<Refiner> refiners = new ArrayList<>();

  public Preparation(int threads, Progress progress) {
    this(threads, progress, Optional.empty());
  }

  /**
   * @param resume a folder that holds what has been found out so far, in case of an interruption
   */
  public Preparation(int threads, Progress progress, Optional<Path> resume) {
    this.threads = threads;
    this.progress = progress;
    this.resume = resume;
  }

  /** What is looked for; once, if several outputs ask for the same. */
  private record Search(CalibrationOptions options, Set<ActivationPoint> points) {}

  /**
   * The orders, knowing what flows through the model where they have to.
   *
   * @param orders of one model
   * @throws dev.phial.PhialException if the text cannot be read, or the model cannot read it
   */
  public List<Order> of(List<Order> orders) {
    return orders.stream().map(this::withRanges).map(this::withCodes).toList();
  }

  private Order withRanges(Order order) {
    Request request = order.request();
    if (!order.target().needsRanges(request)) {
      return order;
    }
    Search asked = new Search(order.target().calibration(request), order.target().points(request));
    return order.with(
        ranges.computeIfAbsent(
            asked,
            search ->
                new RangeSearch(
                        request.checkpoint(), request.model(), search.options, search.points)
                    .run(threads, progress)
                    .ranges()));
  }

  private Order withCodes(Order order) {
    Request request = order.request();
    if (!request.method().readsText()) {
      return order;
    }
    Optional<InputMomentsFile> moments =
        request.text().moments().map(file -> InputMomentsFile.open(file, request.checkpoint()));
    List<int[]> texts =
        moments.isPresent()
            ? List.of()
            : TextChunks.of(request.text(), request.checkpoint(), request.model());
    Optional<EntryLog> log = resume.map(folder -> EntryLog.open(folder.resolve(name(order))));
    Refiner refiner = new Refiner(order.layout(), request.method(), texts, moments, log);
    refiners.add(refiner);
    return order.with(refiner.run(threads, progress), refiner.findings());
  }

  /** What the codes depend on: source, text, what is asked for, and the order of sums. */
  private static String name(Order order) {
    Manifest manifest =
        new Manifest(order.request(), order.target(), order.layout().plan().precision());
    String hashes = Sha256.of(manifest.json(Map.of())) + Kernels.best().describe();
    String hash = Sha256.of(hashes.getBytes(StandardCharsets.UTF_8));
    return "phial-%s.codes".formatted(hash.substring(0, 16));
  }

  /** Forgets what could be gone on with after an interruption: there was none. */
  void finish() {
    refiners.forEach(Refiner::finish);
  }

  @Override
  public void close() {
    refiners.forEach(Refiner::close);
  }
}
