package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.targets.Request;
import dev.phial.targets.Sink;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The tensors of a GGUF file in memory instead, outside the heap: for those who want to know what a
 * type would cost before anything is written. Tensors that the file would take over as they are
 * stay where they are.
 */
public final class GgufMemory implements Sink {
  private static final long ALIGNMENT = 64;

  private final ModelDescription model;
  private final GgufJob job;
  private final Arena arena = Arena.ofShared();
  private final IdentityHashMap<Weight, Slot> slots = new IdentityHashMap<>();

  /** Where a parameter goes. */
  private record Slot(RowEncoder encoder, MemorySegment bytes) {}

  private GgufMemory(ModelDescription model, GgufJob job) {
    this.model = model;
    this.job = job;
  }

  /**
   * Plans it; no memory is taken yet.
   *
   * @param request for a {@link GgufTarget}, with a type
   */
  public static GgufMemory plan(Request request) {
    return new GgufMemory(request.model(), new GgufTarget().job(request));
  }

  /** What a file would hold, and how large it would be. */
  public Plan plan() {
    return job.plan();
  }

  /** Bytes that {@link #allocate} takes. */
  public long bytes() {
    return encoded().stream().mapToLong(tensor -> tensor.bytes() + ALIGNMENT).sum();
  }

  /**
   * Takes the memory.
   *
   * @throws PhialException.OutputFailed if the system does not give it
   */
  public void allocate() {
    Map<String, float[]> importance = job.importance();
    try {
      for (PlannedTensor tensor : encoded()) {
        Optional<float[]> own = Optional.ofNullable(importance.get(tensor.weight().ggufName()));
        slots.put(
            tensor.weight(),
            new Slot(new RowEncoder(tensor, own), arena.allocate(tensor.bytes(), ALIGNMENT)));
      }
    } catch (OutOfMemoryError e) {
      throw new PhialException.OutputFailed(
          "%s: expected to get %d bytes of memory, found less; write the file, which needs next to none"
              .formatted(plan().precision(), bytes()),
          e);
    }
  }

  private List<PlannedTensor> encoded() {
    return plan().tensors().stream().filter(tensor -> !tensor.isCopied()).toList();
  }

  @Override
  public List<Weight> weights() {
    return encoded().stream().map(PlannedTensor::weight).toList();
  }

  @Override
  public boolean needsValues(Weight weight) {
    return true;
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    Slot slot = slot(weight);
    byte[] bytes = slot.encoder.encode(first, count, values);
    MemorySegment.copy(
        bytes, 0, slot.bytes, ValueLayout.JAVA_BYTE, first * slot.encoder.rowBytes(), bytes.length);
  }

  private Slot slot(Weight weight) {
    Slot slot = slots.get(weight);
    if (slot == null) {
      throw new IllegalArgumentException("not asked for " + weight.ggufName());
    }
    return slot;
  }

  /** Nothing appears anywhere. */
  @Override
  public void commit() {}

  /**
   * The model as a reader of the file would see it, once all rows have come; until it is closed.
   */
  public ModelDescription description() {
    List<Weight> weights = new ArrayList<>();
    for (PlannedTensor tensor : plan().tensors()) {
      weights.add(tensor.isCopied() ? tensor.weight() : held(tensor));
    }
    return new ModelDescription(model.family(), model.hyperparameters(), weights);
  }

  private Weight held(PlannedTensor tensor) {
    Weight weight = tensor.weight();
    Tensor bytes =
        new Tensor(
            weight.slices().getFirst().file(),
            tensor.name(),
            tensor.format(),
            Shape.of(weight.shape().rows(), weight.shape().columns()),
            slot(weight).bytes);
    return new Weight(weight.name(), weight.layer(), weight.part(), weight.shape(), List.of(bytes));
  }

  /** Gives the memory back, if that is not done yet. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
