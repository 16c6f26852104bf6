package dev.phial.targets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.TensorName;
import dev.phial.model.Weight;
import dev.phial.targets.layout.Sink;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One pass feeds several sinks, and one that fails takes nobody with it. */
final class PassTest {
  /** F32 that counts what it decodes. */
  private static final class Counting implements Encoding {
    private final AtomicLong decoded = new AtomicLong();

    @Override
    public String name() {
      return "F32";
    }

    @Override
    public int blockSize() {
      return 1;
    }

    @Override
    public int blockBytes() {
      return Float.BYTES;
    }

    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      decoded.addAndGet(count);
      DType.F32.decode(from, offset, to, at, count);
    }
  }

  private final Counting encoding = new Counting();

  /** Numbers 0, 1, 2, …, one slice for each matrix. */
  private Weight weight(String name, long... dimensions) {
    Shape shape = Shape.of(dimensions);
    int matrices = dimensions.length < 3 ? 1 : Math.toIntExact(dimensions[0]);
    int elements = Math.toIntExact(shape.elements() / matrices);
    List<Tensor> slices = new ArrayList<>();
    for (int i = 0; i < matrices; i++) {
      float[] values = new float[elements];
      for (int j = 0; j < elements; j++) {
        values[j] = i * elements + j;
      }
      slices.add(
          new Tensor(
              Path.of("shard-" + i),
              name + "." + i,
              encoding,
              Shape.of(elements / shape.columns(), shape.columns()),
              MemorySegment.ofArray(values)));
    }
    TensorName row = new TensorName(Role.FFN_UP, name, name, h -> shape);
    return new Weight(row, -1, Part.WEIGHT, shape, slices);
  }

  private static void set(Weight weight, int slice, long index, float value) {
    weight.slices().get(slice).data().setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  /** Remembers which rows it got. */
  private static class Collecting implements Sink {
    private final List<Weight> weights;
    private final Map<Weight, float[]> values = new ConcurrentHashMap<>();
    private final AtomicLong rows = new AtomicLong();
    private boolean committed;

    Collecting(Weight... weights) {
      this.weights = List.of(weights);
      for (Weight weight : weights) {
        values.put(weight, new float[Math.toIntExact(weight.shape().elements())]);
      }
    }

    @Override
    public List<Weight> weights() {
      return weights;
    }

    @Override
    public boolean needsValues(Weight weight) {
      return true;
    }

    @Override
    public void accept(Weight weight, long first, int count, float[] piece) {
      int columns = Math.toIntExact(weight.shape().columns());
      assertThat(first / weight.matrixRows())
          .as("pieces end with their matrix")
          .isEqualTo((first + count - 1) / weight.matrixRows());
      rows.addAndGet(count);
      System.arraycopy(
          piece, 0, values.get(weight), Math.toIntExact(first * columns), count * columns);
    }

    @Override
    public void commit() {
      committed = true;
    }

    @Override
    public void close() {}

    void checkComplete() {
      assertThat(committed).isTrue();
      assertThat(rows.get())
          .isEqualTo(weights.stream().mapToLong(weight -> weight.shape().rows()).sum());
      values.forEach((weight, found) -> {
        for (int i = 0; i < found.length; i++) {
          assertThat(found[i]).isEqualTo(i);
        }
      });
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7})
  void everyRowComesOnceToWhoeverWantsIt(int threads) {
    Weight matrix = weight("matrix", 1000, 200);
    Weight wide = weight("wide", 2, 100_000); // more than a piece
    Weight experts = weight("experts", 3, 50, 70);
    Weight vector = weight("vector", 5);
    Collecting all = new Collecting(matrix, wide, experts, vector);
    Collecting some = new Collecting(vector, matrix);
    List<Long> totals = new ArrayList<>();
    AtomicLong done = new AtomicLong();
    Progress progress =
        (unit, total) -> {
          totals.add(total);
          return (tensor, bytes) -> done.addAndGet(bytes);
        };
    assertThat(Pass.run(List.of(all, some), threads, progress)).isEmpty();
    all.checkComplete();
    some.checkComplete();
    long elements = 200_000 + 200_000 + 3 * 50 * 70 + 5;
    assertThat(encoding.decoded.get()).as("read once for both").isEqualTo(elements);
    assertThat(totals).containsExactly(4 * elements);
    assertThat(done.get()).isEqualTo(4 * elements);
  }

  @Test
  void whatNobodyNeedsIsNotDecoded() {
    Weight weight = weight("a", 10, 10);
    Sink copying =
        new Collecting(weight) {
          @Override
          public boolean needsValues(Weight w) {
            return false;
          }
        };
    Pass.run(List.of(copying), 2, Progress.NONE);
    assertThat(encoding.decoded.get()).isZero();
  }

  @Test
  void noSinksAreServedToo() {
    assertThat(Pass.run(List.of(), 2, Progress.NONE)).isEmpty();
  }

  /** Fails when it has got some pieces, or in the end. */
  private static Collecting failing(int pieces, RuntimeException failure, Weight... weights) {
    return new Collecting(weights) {
      private final AtomicLong left = new AtomicLong(pieces);

      @Override
      public void accept(Weight weight, long first, int count, float[] piece) {
        if (left.getAndDecrement() == 0) {
          throw failure;
        }
      }

      @Override
      public void commit() {
        throw failure;
      }
    };
  }

  private final PhialException full = new PhialException.OutputFailed("the disk is full");

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 1000})
  void aSinkThatFailsFailsAlone(int pieces) {
    Weight weight = weight("a", 3000, 100);
    Collecting sound = new Collecting(weight);
    Collecting failing = failing(pieces, full, weight);
    assertThat(Pass.run(List.of(failing, sound), 2, Progress.NONE))
        .containsExactly(Map.entry(failing, full));
    sound.checkComplete();
    assertThat(failing.committed).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1000})
  void whenAllFailThePassDoes(int pieces) {
    Weight weight = weight("a", 3000, 100);
    List<Sink> sinks = List.of(failing(pieces, full, weight), failing(pieces, full, weight));
    assertThatThrownBy(() -> Pass.run(sinks, 2, Progress.NONE)).isSameAs(full);
  }

  @Test
  void aCheckpointThatCannotBeReadFailsAll() {
    Weight weight = weight("a", 3000, 100);
    Collecting sound = new Collecting(weight);
    PhialException damaged = new PhialException.BadInput("the file shrank");
    assertThatThrownBy(
            () -> Pass.run(List.of(sound, failing(1, damaged, weight)), 2, Progress.NONE))
        .isSameAs(damaged);
    assertThat(sound.committed).isFalse();
  }

  @Test
  void aBugOfOursIsNotHidden() {
    Weight weight = weight("a", 3000, 100);
    IllegalStateException bug = new IllegalStateException("a bug");
    assertThatThrownBy(() -> Pass.run(List.of(failing(1, bug, weight)), 2, Progress.NONE))
        .hasRootCause(bug);
  }

  /** Others have appeared by then, and the user must be told of them. */
  @Test
  void whatCannotBeLoadedInTheEndFailsOneAlone() {
    Weight weight = weight("a", 3000, 100);
    Collecting sound = new Collecting(weight);
    Collecting refused =
        new Collecting(weight) {
          @Override
          public void commit() {
            throw new NoClassDefFoundError("dev/phial/io/Exchange");
          }
        };
    Map<Sink, PhialException> failures = Pass.run(List.of(refused, sound), 2, Progress.NONE);
    assertThat(failures).containsOnlyKeys(refused);
    assertThat(failures.get(refused)).hasMessageContaining("cannot be loaded (dev/phial/io/Exch");
    sound.checkComplete();
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void namesTheNumberThatIsNone(float value) {
    Weight weight = weight("a", 2000, 100);
    set(weight, 0, 1234 * 100 + 56, value);
    Collecting sink = new Collecting(weight);
    assertThatThrownBy(() -> Pass.run(List.of(sink), 2, Progress.NONE))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining(
            "shard-0: tensor a.0: expected finite numbers, found %s in row 1234, column 56"
                .formatted(value));
    assertThat(sink.committed).isFalse();
  }

  @Test
  void namesTheExpertAndItsRow() {
    Weight weight = weight("experts", 4, 30, 8);
    set(weight, 2, 7 * 8 + 3, Float.NaN);
    assertThatThrownBy(() -> Pass.run(List.of(new Collecting(weight)), 1, Progress.NONE))
        .hasMessageContaining("shard-2: tensor experts.2: ")
        .hasMessageContaining("NaN in row 7, column 3");
  }
}
