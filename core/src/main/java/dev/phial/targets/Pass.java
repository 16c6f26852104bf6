package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.model.Weight;
import dev.phial.source.Arrivals;
import dev.phial.targets.layout.Sink;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * One pass over a checkpoint for any number of outputs: every tensor is read once, a few rows at a
 * time, and handed to each sink. A worker holds one piece of {@link Pieces#ELEMENTS} elements, so
 * memory does not grow with the model.
 */
public final class Pass {
  private final List<Piece> pieces;
  private final List<Batch> batches = new ArrayList<>();
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final Outputs outputs;
  private final Optional<Arrivals> arrivals;

  private Pass(Outputs outputs, List<Piece> pieces, Optional<Arrivals> arrivals) {
    this.outputs = outputs;
    this.pieces = new ArrayList<>(pieces);
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
    Pieces pieces = Pieces.of(sinks);
    Outputs outputs = new Outputs(sinks);
    Pass pass = new Pass(outputs, pieces.all(), arrivals);
    long bytes = pieces.weights().stream().mapToLong(Weight::bytes).sum();
    if (arrivals.isPresent()) {
      pass.orderBy(files);
    } else {
      pass.mixFirstPieces();
    }
    try (Progress.Stage stage = progress.begin(Progress.Unit.BYTES, bytes)) {
      pass.work(threads, stage);
    }
    return outputs.commit();
  }

  /** The first piece of every tensor comes first: the compiler then meets every loop at once. */
  private void mixFirstPieces() {
    List<Piece> first = pieces.stream().filter(Piece::isFirst).toList();
    pieces.removeIf(Piece::isFirst);
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
        Threads.join(others, failure);
        arriving.ifPresent(file -> arrivals.orElseThrow().finish(file));
        begin = batch.end;
      }
    }
  }

  private void takePieces(int end, Progress.Stage stage) {
    float[] values = new float[Pieces.ELEMENTS];
    try {
      int i;
      while (failure.get() == null && (i = next.getAndUpdate(n -> Math.min(end, n + 1))) < end) {
        Piece piece = pieces.get(i);
        values = piece.roomIn(values);
        process(piece, values);
        stage.advance(piece.weight().slices().getFirst().name(), piece.bytes());
      }
    } catch (Throwable e) {
      failure.compareAndSet(null, e);
    }
  }

  private void process(Piece piece, float[] values) {
    piece.read(values);
    for (Sink sink : piece.sinks()) {
      outputs.attempt(sink, () -> piece.give(sink, values));
    }
  }
}
