package dev.phial.targets.layout;

import dev.phial.PhialException;
import dev.phial.choose.Chooser;
import dev.phial.choose.InputMoments;
import dev.phial.choose.OutputMoments;
import dev.phial.choose.Refinement;
import dev.phial.io.LittleEndian;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Rows;
import dev.phial.model.TensorName;
import dev.phial.model.Weight;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Stretch;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The tensors of an output in memory instead, outside the heap, whatever the target: for those who
 * want to know what a precision would cost before anything is written. Tensors that the output
 * would take over as they are stay where they are.
 */
public final class MemorySink extends EncodingSink {
  private static final long ALIGNMENT = 64;

  private final Layout layout;
  private final Arena arena = Arena.ofShared();
  private final IdentityHashMap<PlannedTensor, MemorySegment> held = new IdentityHashMap<>();

  /** Takes no memory yet. */
  MemorySink(Layout layout) {
    this.layout = layout;
  }

  /** What files would hold, and how large they would be. */
  public Plan plan() {
    return layout.plan();
  }

  /** Bytes that {@link #allocate} takes. */
  public long bytes() {
    return encoded().stream().mapToLong(tensor -> tensor.bytes() + ALIGNMENT).sum();
  }

  /** Of the text model, which is all that runs here. */
  private List<PlannedTensor> encoded() {
    return layout.plan().tensors().stream()
        .filter(tensor -> tensor.role().isOfText() && !tensor.isCopied())
        .toList();
  }

  /**
   * Takes the memory.
   *
   * @throws PhialException.OutputFailed if the system does not give it
   */
  public void allocate() {
    try {
      for (PlannedTensor tensor : encoded()) {
        MemorySegment segment = arena.allocate(tensor.bytes(), ALIGNMENT);
        long rowBytes = tensor.rowBytes();
        held.put(tensor, segment);
        add(
            tensor,
            layout.choosing(),
            (blocks, row, rows) ->
                MemorySegment.copy(
                    blocks, 0, segment, ValueLayout.JAVA_BYTE, row * rowBytes, blocks.length));
      }
    } catch (OutOfMemoryError e) {
      throw new PhialException.OutputFailed(
          "%s: expected to get %d bytes of memory, found less; write the file, which needs next to none"
              .formatted(plan().precision(), bytes()),
          e);
    }
  }

  /** Where the rows of a matrix go, if their codes can be chosen again. */
  private List<Piece> refinable(Weight weight, Role role) {
    return encoded().stream()
        .filter(tensor -> tensor.recoding().isEmpty() && Refinement.isPossible(tensor.format()))
        .flatMap(tensor -> tensor.sources().stream().map(source -> new Piece(tensor, source)))
        .filter(piece -> piece.source.rows().weight() == weight && piece.source.role() == role)
        .toList();
  }

  /**
   * Whether there are codes of a matrix that can be chosen again.
   *
   * @param weight of the model that was planned
   * @param role in which it is used
   */
  public boolean canRefine(Weight weight, Role role) {
    return !refinable(weight, role).isEmpty();
  }

  /**
   * What there is to do to choose the codes of a matrix again, once all rows have come: tasks that
   * may run side by side.
   *
   * @param weight of the model that was planned
   * @param matrix of a stack, from 0
   * @param role in which it is used
   * @param outputs what is known of its outputs, if anything is
   * @throws PhialException.BadInput if the moments are no sums of squares
   */
  public List<Runnable> refinements(
      Weight weight, int matrix, Role role, InputMoments inputs, Optional<OutputMoments> outputs) {
    List<Runnable> tasks = new ArrayList<>();
    long start = matrix * weight.matrixRows();
    int most = outputs.isPresent() ? OutputMoments.BAND : Refinement.ROWS;
    for (Piece piece : refinable(weight, matrix, role)) {
      Refinement refinement = new Refinement(piece.tensor.format(), inputs);
      long next;
      for (long row = piece.first(); row < piece.end(); row = next) {
        int first = Math.toIntExact(row - start);
        next = Math.min(start + (first / most + 1L) * most, piece.end());
        Piece some = piece.between(row, next).orElseThrow();
        tasks.add(() -> refine(some, first, refinement, outputs));
      }
    }
    return tasks;
  }

  /** Those rows of a matrix of a stack whose codes can be chosen again, and where they go. */
  private List<Piece> refinable(Weight weight, int matrix, Role role) {
    long start = matrix * weight.matrixRows();
    return refinable(weight, role).stream()
        .flatMap(piece -> piece.between(start, start + weight.matrixRows()).stream())
        .toList();
  }

  /**
   * Refines rows.
   *
   * @param first of them in their matrix
   */
  private void refine(
      Piece piece, int first, Refinement refinement, Optional<OutputMoments> outputs) {
    int count = piece.count();
    float[] values = new float[count * piece.tensor.columns()];
    piece.source.rows().weight().read(piece.first(), count, values);
    Held own = held(piece);
    byte[] blocks = new byte[count * own.rowBytes];
    own.get(piece.first(), count, blocks, 0);
    outputs.ifPresentOrElse(
        moments -> refinement.run(moments, first, values, count, blocks),
        () -> refinement.run(values, count, blocks));
    own.set(piece.first(), count, blocks, 0);
  }

  /**
   * The codes of a matrix that {@link #refinements} would choose, as {@link #setCodes} takes them.
   *
   * @return {@code [rows][bytes of a row]}
   */
  public byte[] codes(Weight weight, int matrix, Role role) {
    byte[] codes = new byte[codeBytes(weight, matrix, role)];
    int at = 0;
    for (Piece piece : refinable(weight, matrix, role)) {
      Held own = held(piece);
      own.get(piece.first(), piece.count(), codes, at);
      at += piece.count() * own.rowBytes;
    }
    return codes;
  }

  /** How many bytes {@link #codes} are. */
  public int codeBytes(Weight weight, int matrix, Role role) {
    return Math.toIntExact(
        refinable(weight, matrix, role).stream()
            .mapToLong(piece -> piece.count() * piece.tensor.rowBytes())
            .sum());
  }

  /**
   * Takes codes that were chosen before.
   *
   * @param at where they begin
   */
  public void setCodes(Weight weight, int matrix, Role role, byte[] codes, int at) {
    int from = at;
    for (Piece piece : refinable(weight, matrix, role)) {
      Held own = held(piece);
      own.set(piece.first(), piece.count(), codes, from);
      from += piece.count() * own.rowBytes;
    }
  }

  private Held held(Piece piece) {
    return new Held(
        Objects.requireNonNull(held.get(piece.tensor)),
        piece.source,
        Math.toIntExact(piece.tensor.rowBytes()));
  }

  /** This output, made of the blocks that are held here, until this is closed. */
  public Layout chosen() {
    return layout.with(
        layout
            .choosing()
            .with((tensor, source) ->
                Optional.ofNullable(held.get(tensor))
                    .map(
                        segment -> new Held(segment, source, Math.toIntExact(tensor.rowBytes())))));
  }

  /** Blocks that were chosen before. */
  private record Held(MemorySegment segment, Stretch source, int rowBytes) implements Chooser {
    @Override
    public boolean needsValues() {
      return false;
    }

    @Override
    public byte[] encode(long first, int count, float[] values, int at) {
      byte[] blocks = new byte[count * rowBytes];
      get(first, count, blocks, 0);
      return blocks;
    }

    void get(long first, int count, byte[] blocks, int at) {
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(
            segment, ValueLayout.JAVA_BYTE, offset(first + i), blocks, at + i * rowBytes, rowBytes);
      }
    }

    void set(long first, int count, byte[] blocks, int at) {
      for (int i = 0; i < count; i++) {
        MemorySegment.copy(
            blocks, at + i * rowBytes, segment, ValueLayout.JAVA_BYTE, offset(first + i), rowBytes);
      }
    }

    private long offset(long row) {
      return (source.to() + (row - source.rows().first()) * source.step()) * rowBytes;
    }
  }

  /** Nothing appears anywhere. */
  @Override
  public void commit() {}

  /**
   * The model as a reader of the output would see it, once all rows have come; until it is closed.
   */
  public ModelDescription description() {
    ModelDescription model = layout.model();
    boolean unties = false;
    List<Weight> weights = new ArrayList<>();
    for (Weight weight : model.weights()) {
      List<Piece> own = pieces(weight, weight.role());
      List<Piece> output = weight.role() == Role.OUTPUT ? List.of() : pieces(weight, Role.OUTPUT);
      weights.add(held(weight, weight.name(), own.isEmpty() ? output : own));
      if (!own.isEmpty() && !output.isEmpty()) {
        weights.add(held(weight, model.family().name(Role.OUTPUT), output));
        unties = true;
      }
    }
    Hyperparameters h = model.hyperparameters();
    return new ModelDescription(
        model.family(), unties ? h.untied() : h, weights, layout.activations());
  }

  /** Rows of a parameter, and the tensor that they are in. */
  private record Piece(PlannedTensor tensor, Stretch source) {
    long first() {
      return source.rows().first();
    }

    int count() {
      return Math.toIntExact(source.rows().count());
    }

    long end() {
      return source.rows().first() + source.rows().count();
    }

    /** Those of the rows that are among others, if any are. */
    Optional<Piece> between(long start, long end) {
      long from = Math.max(start, first());
      long to = Math.min(end, end());
      if (from >= to) {
        return Optional.empty();
      }
      Rows some = new Rows(source.rows().weight(), from, to - from);
      long at = source.to() + (from - first()) * source.step();
      return Optional.of(new Piece(tensor, new Stretch(some, at, source.step(), source.role())));
    }

    private boolean goesOnIn(Piece next) {
      Rows rows = source.rows();
      return next.tensor == tensor
          && source.step() == 1
          && next.source.step() == 1
          && next.source.rows().first() == rows.first() + rows.count()
          && next.source.to() == source.to() + rows.count();
    }

    private Piece and(Piece next) {
      Rows rows = source.rows();
      Rows both = new Rows(rows.weight(), rows.first(), rows.count() + next.source.rows().count());
      return new Piece(tensor, new Stretch(both, source.to(), 1, source.role()));
    }
  }

  /** In the order of the rows, as few as possible. */
  private List<Piece> pieces(Weight weight, Role role) {
    List<Piece> pieces = new ArrayList<>();
    plan().tensors().stream()
        .flatMap(tensor ->
            tensor.sources().stream()
                .filter(source -> source.rows().weight() == weight && source.role() == role)
                .map(source -> new Piece(tensor, source)))
        .sorted(Comparator.comparingLong(piece -> piece.source.rows().first()))
        .forEach(piece ->
            pieces.add(
                !pieces.isEmpty() && pieces.getLast().goesOnIn(piece)
                    ? pieces.removeLast().and(piece)
                    : piece));
    return pieces;
  }

  /** What was dropped, since it changes nothing, stays as it is. */
  private Weight held(Weight weight, TensorName name, List<Piece> pieces) {
    if (pieces.isEmpty() || pieces.getFirst().tensor.isCopied()) {
      return new Weight(
          name, weight.layer(), weight.part(), weight.shape(), weight.slices(), weight.scaling());
    }
    Tensor whole =
        weight.shape().rank() == 1
            ? vector(weight, pieces)
            : pieces.size() == 1
                ? matrix(pieces.getFirst())
                : Tensor.stack(
                    pieces.getFirst().tensor.name(), pieces.stream().map(this::matrix).toList());
    return new Weight(name, weight.layer(), weight.part(), weight.shape(), List.of(whole));
  }

  private Tensor tensor(PlannedTensor tensor, Shape shape) {
    return new Tensor(
        tensor.weight().slices().getFirst().file(),
        tensor.name(),
        tensor.format(),
        shape,
        Objects.requireNonNull(held.get(tensor)));
  }

  private Tensor matrix(Piece piece) {
    PlannedTensor planned = piece.tensor;
    long columns = planned.columns();
    Tensor all = tensor(planned, Shape.of(planned.shape().elements() / columns, columns));
    Stretch source = piece.source;
    return source.step() == 1
        ? all.slice(planned.name(), source.to(), source.rows().count())
        : all.every(planned.name(), source.to(), source.step(), source.rows().count());
  }

  /** A vector may be put together of several; it is small. */
  private Tensor vector(Weight weight, List<Piece> pieces) {
    int size = Math.toIntExact(weight.shape().elements());
    float[] values = new float[size];
    for (Piece piece : pieces) {
      Tensor all = tensor(piece.tensor, Shape.of(piece.tensor.shape().elements(), 1));
      Rows rows = piece.source.rows();
      all.read(
          piece.source.to(), Math.toIntExact(rows.count()), values, Math.toIntExact(rows.first()));
    }
    return new Tensor(
        weight.slices().getFirst().file(),
        pieces.getFirst().tensor.name(),
        DType.F32,
        weight.shape(),
        MemorySegment.ofArray(LittleEndian.floats(values)));
  }

  /** Gives the memory back, if that is not done yet. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
