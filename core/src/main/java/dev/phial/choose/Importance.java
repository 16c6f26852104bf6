package dev.phial.choose;

import dev.phial.model.Weight;
import java.util.Optional;

/** How much errors in the columns of a matrix matter, where somebody has looked at its inputs. */
public interface Importance {
  /** Nobody has looked. */
  Importance NONE = (weight, matrix) -> Optional.empty();

  /**
   * What is known of one matrix.
   *
   * @param matrix of a stack, from 0
   * @return {@code [columns]}
   */
  Optional<float[]> of(Weight weight, int matrix);
}
