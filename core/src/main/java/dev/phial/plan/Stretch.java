package dev.phial.plan;

import dev.phial.model.Role;
import dev.phial.model.Rows;

/**
 * Rows of a parameter and where they go in a planned tensor: row {@code i} of them to row {@code to
 * + i · step}.
 *
 * @param role what the rows do there; an embedding may be the output matrix as well
 */
public record Stretch(Rows rows, long to, int step, Role role) {
  public Stretch(Rows rows, long to, int step) {
    this(rows, to, step, rows.weight().role());
  }
}
