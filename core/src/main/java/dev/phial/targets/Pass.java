package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.kernel.Kernels;
import dev.phial.model.Weight;
import dev.phial.source.Arrivals;
import dev.phial.targets.layout.Sink;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One pass over a checkpoint for any number of outputs: every tensor is read once, a few rows at a
 * time, and handed to each sink. A worker holds one piece of {@link #PIECE} elements, so memory
 * does not grow with the model.
 */
public final class Pass {
  /**
   * Elements of a piece: long enough that scheduling costs nothing, short enough for the
   * second-level cache.
   */
  private static final int PIECE = 64 * 1024;

  private final List<Sink> sinks;
  private final List<Piece> pieces = new ArrayList<>();
  private final List<Batch> batches = new ArrayList<>();
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final Map<Sink, PhialException> failedSinks = new ConcurrentHashMap<>();

  private final Optional<Arrivals> arrivals;

  private Pass(List<Sink> sinks, Optional<Arrivals> arrivals) {
    this.sinks = sinks;
    this.arrivals = arrivals;
  }

  /**
   * Pieces that are done before others are begun.
   *
   * @param end of them
   * @param workers that take them, at most
   * @param file that all but a few of them lie in, if it has to arrive
   */
  private record Batch(int end, int workers, Optional<Path> file) {}

  /** Some rows of one matrix, and who wants them. */
  private record Piece(Weight weight, long first, int count, List<Sink> sinks) {
    /** The files that its rows lie in. */
    Stream<Path> files() {
      Stream.Builder<Path> found = Stream.builder();
      long start = 0;
      for (Tensor slice : weight.slices()) {
        long end = start + slice.shape().rows();
        if (start < first + count && first < end) {
          found.add(slice.file());
        }
        start = end;
      }
      return found.build();
    }

    /** Where its rows begin, in the order of a file. */
    long address() {
      return weight.slices().getFirst().data().address() + first;
    }

    long bytes() {
      return weight.bytes() * count / Math.max(1, weight.shape().rows());
    }
  }

  /**
   * Runs the pass and commits the sinks. A sink that cannot write fails alone; a checkpoint that
   * cannot be read fails all.
   *
   * @param threads workers, at least one
   * @return the failures of single sinks
   * @throws PhialException if the checkpoint cannot be read or holds NaN or infinity
   */
  public static Map<Sink, PhialException> run(List<Sink> sinks, int threads, Progress progress) {
    return run(sinks, List.of(), Optional.empty(), threads, progress);
  }

  /**
   * Runs the pass over a checkpoint whose files may still have to arrive: one after the other then,
   * each as it comes.
   *
   * @param files of the checkpoint
   * @param arrivals what brings them, if they are not here
   */
  public static Map<Sink, PhialException> run(
      List<Sink> sinks,
      List<Path> files,
      Optional<Arrivals> arrivals,
      int threads,
      Progress progress) {
    Pass pass = new Pass(sinks, arrivals);
    long bytes = pass.cut();
    if (arrivals.isPresent()) {
      pass.orderBy(files);
    } else {
      pass.mixFirstPieces();
    }
    try (Progress.Stage stage = progress.begin(Progress.Unit.BYTES, bytes)) {
      pass.work(threads, stage);
    }
    pass.commit();
    return pass.failedSinks;
  }

  /** Bytes of the checkpoint that will be read. */
  private long cut() {
    Set<Weight> weights = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Weight> ordered = new ArrayList<>();
    IdentityHashMap<Weight, List<Sink>> wanted = new IdentityHashMap<>();
    for (Sink sink : sinks) {
      for (Weight weight : sink.weights()) {
        if (weights.add(weight)) {
          ordered.add(weight);
        }
        wanted.computeIfAbsent(weight, w -> new ArrayList<>()).add(sink);
      }
    }
    long total = 0;
    for (Weight weight : ordered) {
      total += weight.bytes();
      long matrixRows = weight.matrixRows();
      int step =
          (int)
              Math.clamp(PIECE / Math.max(1, weight.shape().columns()), 1, Math.max(1, matrixRows));
      for (long matrix = 0; matrix < weight.shape().rows(); matrix += matrixRows) {
        for (long row = 0; row < matrixRows; row += step) {
          int count = (int) Math.min(step, matrixRows - row);
          pieces.add(
              new Piece(weight, matrix + row, count, wanted.getOrDefault(weight, List.of())));
        }
      }
    }
    return total;
  }

  /** The first piece of every tensor comes first: the compiler then meets every loop at once. */
  private void mixFirstPieces() {
    List<Piece> first = pieces.stream().filter(piece -> piece.first == 0).toList();
    pieces.removeIf(piece -> piece.first == 0);
    pieces.addAll(0, first);
    // until the loops are compiled a second worker would only take time from the compiler
    batches.add(new Batch(first.size(), 1, Optional.empty()));
    batches.add(new Batch(pieces.size(), Integer.MAX_VALUE, Optional.empty()));
  }

  /** A piece of several files is done with the last of them, and reads the others once more. */
  private void orderBy(List<Path> files) {
    record Placed(Piece piece, int file) {}
    List<Placed> placed =
        pieces.stream()
            .map(
                piece -> new Placed(piece, piece.files().mapToInt(files::indexOf).max().orElse(-1)))
            .sorted(Comparator.comparingInt(Placed::file).thenComparingLong(p -> p.piece.address()))
            .toList();
    pieces.clear();
    placed.forEach(p -> pieces.add(p.piece));
    for (int i = -1; i < files.size(); i++) {
      int file = i;
      int end = (int) placed.stream().filter(p -> p.file <= file).count();
      Optional<Path> arriving = i < 0 ? Optional.empty() : Optional.of(files.get(i));
      batches.add(new Batch(end, Integer.MAX_VALUE, arriving));
    }
  }

  private void work(int threads, Progress.Stage stage) {
    int begin = 0;
    for (Batch batch : batches) {
      if (batch.end > begin) {
        Optional<Path> arriving = batch.file;
        arriving.ifPresent(file -> arrivals.orElseThrow().begin(file));
        List<Thread> others = new ArrayList<>();
        for (int i = 1; i < Math.min(threads, batch.workers); i++) {
          others.add(
              Thread.ofPlatform()
                  .name("phial-worker-" + i)
                  .daemon()
                  .start(() -> takePieces(batch.end, stage)));
        }
        takePieces(batch.end, stage);
        join(others);
        arriving.ifPresent(file -> arrivals.orElseThrow().finish(file));
        begin = batch.end;
      }
    }
  }

  /** Waits, and throws what stopped one of them. */
  private void join(List<Thread> threads) {
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PhialException.OutputFailed("interrupted; nothing was written");
    }
    switch (failure.get()) {
      case null -> {}
      case PhialException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }

  private void takePieces(int end, Progress.Stage stage) {
    float[] values = new float[PIECE];
    try {
      int i;
      while (failure.get() == null && (i = next.getAndUpdate(n -> Math.min(end, n + 1))) < end) {
        Piece piece = pieces.get(i);
        int elements = Math.toIntExact(piece.count * piece.weight.shape().columns());
        if (elements > values.length) {
          values = new float[elements];
        }
        process(piece, values, elements);
        stage.advance(piece.weight.slices().getFirst().name(), piece.bytes());
      }
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }

  private void process(Piece piece, float[] values, int elements) {
    Weight weight = piece.weight;
    if (piece.sinks.stream().anyMatch(sink -> sink.needsValues(weight))) {
      weight.read(piece.first, piece.count, values);
      int bad = Kernels.best().firstNonFinite(values, 0, elements);
      if (bad >= 0) {
        long columns = weight.shape().columns();
        throw notFinite(weight, piece.first + bad / columns, bad % columns, values[bad]);
      }
    }
    for (Sink sink : piece.sinks) {
      if (!failedSinks.containsKey(sink)) {
        try {
          sink.accept(weight, piece.first, piece.count, values);
        } catch (PhialException.BadInput e) {
          throw e;
        } catch (PhialException e) {
          failedSinks.putIfAbsent(sink, e);
          stopIfAllFailed();
        }
      }
    }
  }

  private static PhialException notFinite(Weight weight, long row, long column, float found) {
    long rowOfSlice = row;
    Iterator<Tensor> slices = weight.slices().iterator();
    Tensor slice = slices.next();
    while (rowOfSlice >= slice.shape().rows()) {
      rowOfSlice -= slice.shape().rows();
      slice = slices.next();
    }
    return new PhialException.BadInput(
        "%s: tensor %s: expected finite numbers, found %s in row %d, column %d; the checkpoint is damaged or overflowed in training"
            .formatted(slice.file(), slice.name(), found, rowOfSlice, column));
  }

  private void stopIfAllFailed() {
    if (failedSinks.size() == sinks.size()) {
      failure.compareAndSet(null, failedSinks.values().iterator().next());
    }
  }

  /** One beside the other: hashing keeps a core busy, and the disk need not wait for it. */
  private void commit() {
    join(
        sinks.stream()
            .filter(sink -> !failedSinks.containsKey(sink))
            .map(sink -> Thread.ofPlatform().name("phial-commit").start(() -> commit(sink)))
            .toList());
    if (!sinks.isEmpty() && failedSinks.size() == sinks.size()) {
      throw failedSinks.values().iterator().next();
    }
  }

  private void commit(Sink sink) {
    try {
      sink.commit();
    } catch (PhialException e) {
      failedSinks.put(sink, e);
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }
}
