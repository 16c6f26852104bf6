package dev.phial.engine.convert;

import dev.phial.PhialException;
import dev.phial.engine.work.SharedPass;
import dev.phial.engine.work.Workers;
import dev.phial.io.AtomicFile;
import dev.phial.io.AtomicFolder;
import dev.phial.io.Inputs;
import dev.phial.io.Progress;
import dev.phial.io.Sizes;
import dev.phial.source.Checkpoint;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.layout.FileSink;
import dev.phial.targets.layout.Sink;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * One checkpoint on its way to any number of outputs: it is read once for all, and each appears
 * only when it is complete.
 *
 * @param outputs at least one, of the same model
 * @param replace whether outputs may replace what exists
 * @param resume a folder for what has been found out so far, in case of an interruption
 * @param workers other machines that do the work, if there are any
 */
public record Conversion(
    List<Output> outputs,
    boolean replace,
    int threads,
    Optional<Path> resume,
    Optional<Workers> workers) {
  /** One that this machine does alone, and begins anew after an interruption. */
  public Conversion(List<Output> outputs, boolean replace, int threads) {
    this(outputs, replace, threads, Optional.empty(), Optional.empty());
  }

  /** An order, and where to put what is made of it. */
  public record Output(Order order, Path path) {
    /** The files that it consists of. */
    public List<Path> files() {
      return order.layout().files(path);
    }

    /** What appears: a folder, or the files. */
    public List<Path> entries() {
      return order.target().writesFolder() ? List.of(path) : files();
    }

    /** Weights that arrive one file after the other cannot be run first. */
    private void refuseToWaitFor() {
      Request request = order.request();
      if (request.checkpoint().arrivals().isPresent()
          && (request.method().readsText() || order.target().needsRanges(request))) {
        throw new PhialException.Unsupported(
            "%s of a model that is not here: expected a method that reads the weights once, found one that runs the model; pull it first"
                .formatted(path.getFileName()));
      }
    }
  }

  /**
   * What became of it.
   *
   * @param written what was written, as far as it was
   * @param failures of single outputs, by their paths
   */
  public record Result(List<Output> written, Map<Path, PhialException> failures) {}

  /**
   * Looks for everything that can be known to go wrong before work is done.
   *
   * @param inputs what is read, apart from what the options of targets name
   * @throws PhialException.Usage if an output is an input, or would be written twice
   * @throws PhialException.OutputFailed if an output exists and may not be replaced, or does not
   *     fit the disk
   */
  public void check(Inputs inputs) {
    outputs.forEach(out -> inputs.addAll(out.order.inputs()));
    outputs.forEach(Output::refuseToWaitFor);
    workers.ifPresent(any -> outputs.forEach(out -> SharedPass.check(out.order)));
    Set<Path> seen = new LinkedHashSet<>();
    for (Output out : outputs) {
      inputs.refuse(out.path, "-o");
      for (Path file : out.files()) {
        if (!seen.add(file.toAbsolutePath().normalize())) {
          throw new PhialException.Usage(file + " would be written twice; ask for it once");
        }
        inputs.refuse(file, "-o");
      }
      if (out.order.target().writesFolder()) {
        AtomicFolder.check(out.path, replace);
      } else {
        out.files().forEach(file -> AtomicFile.check(file, replace));
      }
    }
    checkDisks();
  }

  private void checkDisks() {
    Map<FileStore, Long> needed = new HashMap<>();
    for (Output out : outputs) {
      Path folder = out.path.toAbsolutePath().getParent();
      while (folder != null && !Files.exists(folder)) {
        folder = folder.getParent();
      }
      if (folder == null) {
        continue;
      }
      if (!Files.isDirectory(folder)) {
        throw new PhialException.OutputFailed(
            "%s: expected a folder to write %s in, found a file; pass -o for another place"
                .formatted(folder, out.path.getFileName()));
      }
      try {
        FileStore store = Files.getFileStore(folder);
        long bytes = needed.merge(store, out.order.layout().plan().bytes(), Long::sum);
        if (bytes > store.getUsableSpace()) {
          throw new PhialException.OutputFailed(
              "%s: expected %s of free disk, found %s; make room, or pass -o for another disk"
                  .formatted(folder, Sizes.of(bytes), Sizes.of(store.getUsableSpace())));
        }
      } catch (IOException e) {
        return; // not every file system tells; then writing will
      }
    }
  }

  /**
   * Does the work. An output that cannot be opened or written fails alone, unless all do.
   *
   * @throws PhialException if the checkpoint cannot be read, or nothing can be written
   */
  public Result run(Progress progress) {
    try (Preparation preparation = new Preparation(threads, progress, resume)) {
      Result result = run(preparation.of(outputs.stream().map(Output::order).toList()), progress);
      if (result.failures.isEmpty()) {
        preparation.finish();
      }
      return result;
    }
  }

  private Result run(List<Order> orders, Progress progress) {
    Map<FileSink, Output> sinks = new LinkedHashMap<>();
    Map<Path, PhialException> failures = new LinkedHashMap<>();
    try {
      for (int i = 0; i < orders.size(); i++) {
        Output out = new Output(orders.get(i), outputs.get(i).path);
        try {
          sinks.put(out.order.layout().open(out.path, replace), out);
        } catch (PhialException.OutputFailed e) {
          failures.put(out.path, e);
        }
      }
      if (sinks.isEmpty()) {
        throw failures.values().iterator().next();
      }
      if (orders.stream().anyMatch(order -> order.target().writesFolder())) {
        hashEarly(orders.getFirst().request().checkpoint());
      }
      Map<Sink, Output> written = new LinkedHashMap<>(sinks);
      pass(sinks, progress)
          .forEach((sink, failure) ->
              failures.put(Objects.requireNonNull(written.remove(sink)).path, failure));
      return new Result(List.copyOf(written.values()), failures);
    } finally {
      sinks.keySet().forEach(Sink::close);
    }
  }

  private Map<Sink, PhialException> pass(Map<FileSink, Output> sinks, Progress progress) {
    List<Order> orders = sinks.values().stream().map(Output::order).toList();
    Checkpoint checkpoint = orders.getFirst().request().checkpoint();
    return workers.isPresent()
        ? new SharedPass(workers.get()).run(orders, List.copyOf(sinks.keySet()), progress)
        : Pass.run(
            List.copyOf(sinks.keySet()),
            checkpoint.files(),
            checkpoint.arrivals(),
            threads,
            progress);
  }

  /** Manifests want it in the end; beside the work it costs less, and files are read but once. */
  private static void hashEarly(Checkpoint checkpoint) {
    Thread.ofPlatform()
        .name("phial-hash")
        .daemon()
        .start(() -> {
          try {
            checkpoint.hashes();
          } catch (PhialException | LinkageError | InternalError e) {
            // whoever asks for the hashes is told
          }
        });
  }
}
