package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A linear layer that some tool quantized, as PyTorch saved it: several tensors under one name.
 *
 * @param name such as {@code model.layers.0.mlp.down_proj}
 * @param parts by what follows the name, such as {@code .qweight}
 */
record TorchLayer(String name, Map<String, Tensor> parts) {
  static final String WEIGHT = ".weight";

  /** Numbers of a vector that is held in memory: none of a sound layer has more. */
  private static final int MOST_HELD = 1 << 20;

  private static final List<DType> NUMBERS = List.of(DType.F32, DType.F16, DType.BF16);

  boolean has(String part) {
    return parts.containsKey(part);
  }

  Optional<Tensor> find(String part) {
    return Optional.ofNullable(parts.get(part));
  }

  /**
   * A part that must be there.
   *
   * @throws PhialException.BadInput if it is not
   */
  Tensor part(String part) {
    Tensor tensor = parts.get(part);
    if (tensor == null) {
      Tensor other = parts.values().iterator().next();
      throw Refusal.bad(
          other.file(),
          "expected a tensor %s%s beside %s, found none; is a shard missing?",
          name,
          part,
          other.name());
    }
    return tensor;
  }

  /** A matrix that must be there, of a type. */
  Tensor matrix(String part, DType type) {
    return check(part(part), 2, type::equals, type.name());
  }

  /** A matrix of numbers that must be there. */
  Tensor numbers(String part) {
    return check(part(part), 2, NUMBERS::contains, "numbers of " + NUMBERS);
  }

  /** A vector that must be there, of a type. */
  Tensor vector(String part, DType type) {
    return check(part(part), 1, type::equals, type.name());
  }

  private static Tensor check(Tensor tensor, int rank, Predicate<Object> types, String expected) {
    if (tensor.shape().rank() != rank || !types.test(tensor.encoding())) {
      throw Refusal.bad(
          tensor.file(),
          "tensor %s: expected a %s of %s, found %s %s",
          tensor.name(),
          rank == 1 ? "vector" : "matrix",
          expected,
          tensor.encoding().name(),
          tensor.shape());
    }
    return tensor;
  }

  /**
   * @throws PhialException.BadInput unless a tensor has a shape that follows from others
   */
  static void expect(Tensor tensor, long... dimensions) {
    Shape shape = Shape.of(dimensions);
    if (!tensor.shape().equals(shape)) {
      throw Refusal.bad(
          tensor.file(),
          "tensor %s: expected shape %s, which follows from the tensors beside it, found %s",
          tensor.name(),
          shape,
          tensor.shape());
    }
  }

  /**
   * How many times the smaller number goes into the larger.
   *
   * @throws PhialException.BadInput if that is no whole number
   */
  static int times(Tensor tensor, long larger, long smaller) {
    if (smaller < 1 || larger % smaller != 0 || larger / smaller > Integer.MAX_VALUE) {
      throw Refusal.bad(
          tensor.file(),
          "tensor %s: expected shape %s to divide the %d elements of the tensors beside it, found that it does not",
          tensor.name(),
          tensor.shape(),
          larger);
    }
    return (int) (larger / smaller);
  }

  /**
   * What a vector or a single number says.
   *
   * @throws PhialException.BadInput if it is longer than a sound layer has any
   */
  static float[] numbers(Tensor vector) {
    checkHeld(vector);
    float[] values = new float[(int) vector.shape().elements()];
    vector.read(0, 1, values, 0);
    return values;
  }

  /**
   * @throws PhialException.BadInput if a vector is longer than a sound layer has any
   */
  static void checkHeld(Tensor vector) {
    if (vector.shape().elements() > MOST_HELD) {
      throw Refusal.bad(
          vector.file(),
          "tensor %s: expected at most %d numbers, found %d",
          vector.name(),
          MOST_HELD,
          vector.shape().elements());
    }
  }
}
