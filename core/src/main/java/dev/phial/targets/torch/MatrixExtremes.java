package dev.phial.targets.torch;

import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.quant.Nvfp4;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.DoubleSupplier;
import java.util.stream.LongStream;

/**
 * The numbers that divide the scales of nvfp4: they follow from the largest magnitude of a matrix,
 * of queries, keys and values together where they are matrices apart. Each is found when it is
 * first asked for, by reading the matrix once more.
 */
final class MatrixExtremes {
  private static final Set<Role> TOGETHER =
      Set.of(Role.ATTENTION_Q, Role.ATTENTION_K, Role.ATTENTION_V);

  /** Elements that are looked at at a time. */
  private static final int CHUNK = 1 << 16;

  private final ModelDescription model;
  private final Map<String, DoubleSupplier> found = new HashMap<>();

  MatrixExtremes(ModelDescription model) {
    this.model = model;
  }

  DoubleSupplier divisor(Linear linear) {
    Weight weight = linear.weight();
    String key = TOGETHER.contains(weight.role()) ? "attention " + weight.layer() : linear.name();
    return found.computeIfAbsent(key, any -> new Divisor(rows(linear), linear));
  }

  private List<Rows> rows(Linear linear) {
    Weight weight = linear.weight();
    if (!TOGETHER.contains(weight.role())) {
      return List.of(linear.rows());
    }
    return model.weights().stream()
        .filter(other ->
            TOGETHER.contains(other.role())
                && other.layer() == weight.layer()
                && other.part() == weight.part())
        .map(Rows::of)
        .toList();
  }

  /** Found once, by whoever asks first. */
  private static final class Divisor implements DoubleSupplier {
    private final List<Rows> rows;
    private final Linear linear;
    private OptionalDouble value = OptionalDouble.empty();

    Divisor(List<Rows> rows, Linear linear) {
      this.rows = rows;
      this.linear = linear;
    }

    @Override
    public synchronized double getAsDouble() {
      if (value.isEmpty()) {
        double extreme = rows.stream().mapToDouble(Divisor::extreme).max().orElse(0);
        value = OptionalDouble.of(Nvfp4.divisor((float) extreme, linear.number()));
      }
      return value.getAsDouble();
    }

    private static double extreme(Rows rows) {
      Weight weight = rows.weight();
      int columns = Math.toIntExact(weight.shape().columns());
      long step = Math.max(1, CHUNK / columns);
      return LongStream.range(0, Math.ceilDiv(rows.count(), step))
          .parallel()
          .mapToDouble(chunk -> {
            int count = (int) Math.min(step, rows.count() - chunk * step);
            float[] values = new float[count * columns];
            weight.read(rows.first() + chunk * step, count, values);
            float largest = 0;
            for (float value : values) {
              largest = Math.max(largest, Math.abs(value));
            }
            return largest;
          })
          .max()
          .orElse(0);
    }
  }
}
