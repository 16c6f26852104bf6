package dev.phial.engine.run;

import dev.phial.model.Weight;

/** Sees what goes into every linear layer, as calibration needs it. */
@FunctionalInterface
public interface Observer {
  /** Looks away. */
  Observer NONE = (weight, expert, input) -> {};

  /**
   * Called before the layer is computed.
   *
   * @param expert which matrix of a stack, or -1
   * @param input {@code [tokens][columns]}; to be read only, and only now
   */
  void input(Weight weight, int expert, Activations input);
}
