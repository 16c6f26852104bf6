package dev.phial.targets.layout;

import dev.phial.PhialException;
import dev.phial.choose.Chooser;
import dev.phial.choose.InputMoments;
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
public final class MemorySink implements Sink {
  private static final long ALIGNMENT = 64;

  private final Layout layout;
  private final Arena arena = Arena.ofShared();
  private final Uses uses = new Uses();
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

  private List<PlannedTensor> encoded() {
    return layout.plan().tensors().stream().filter(tensor -> !tensor.isCopied()).toList();
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
        uses.add(
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

  @Override
  public List<Weight> weights() {
    return uses.weights();
  }

  @Override
  public boolean needsValues(Weight weight) {
    return uses.needsValues(weight);
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    uses.accept(weight, first, count, values);
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
   * @throws PhialException.BadInput if the moments are no sums of squares
   */
  public List<Runnable> refinements(Weight weight, int matrix, Role role, InputMoments moments) {
    List<Runnable> tasks = new ArrayList<>();
    long start = matrix * weight.matrixRows();
    for (Piece piece : refinable(weight, role)) {
      Refinement refinement = new Refinement(piece.tensor.format(), moments);
      Rows rows = piece.source.rows();
      long end = Math.min(start + weight.matrixRows(), rows.first() + rows.count());
      int most = Refinement.ROWS;
      for (long row = Math.max(start, rows.first()); row < end; row += most) {
        long first = row;
        int count = (int) Math.min(most, end - row);
        tasks.add(() -> refine(piece.tensor, piece.source, first, count, refinement));
      }
    }
    return tasks;
  }

  private void refine(
      PlannedTensor tensor, Stretch source, long first, int count, Refinement refinement) {
    float[] values = new float[count * tensor.columns()];
    source.rows().weight().read(first, count, values);
    int rowBytes = Math.toIntExact(tensor.rowBytes());
    byte[] blocks = new byte[count * rowBytes];
    new Held(Objects.requireNonNull(held.get(tensor)), source, rowBytes).get(first, count, blocks);
    refinement.run(values, count, blocks);
    MemorySegment segment = Objects.requireNonNull(held.get(tensor));
    for (int i = 0; i < count; i++) {
      long to = source.to() + (first - source.rows().first() + i) * source.step();
      MemorySegment.copy(
          blocks, i * rowBytes, segment, ValueLayout.JAVA_BYTE, to * rowBytes, rowBytes);
    }
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
      get(first, count, blocks);
      return blocks;
    }

    void get(long first, int count, byte[] blocks) {
      for (int i = 0; i < count; i++) {
        long row = source.to() + (first - source.rows().first() + i) * source.step();
        MemorySegment.copy(
            segment, ValueLayout.JAVA_BYTE, row * rowBytes, blocks, i * rowBytes, rowBytes);
      }
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
        MemorySegment.ofArray(floats(values)));
  }

  private static byte[] floats(float[] values) {
    byte[] bytes = new byte[values.length * Float.BYTES];
    for (int i = 0; i < values.length; i++) {
      LittleEndian.putFloat(bytes, i * Float.BYTES, values[i]);
    }
    return bytes;
  }

  /** Gives the memory back, if that is not done yet. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
