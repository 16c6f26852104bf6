package dev.phial.engine.generate;

import dev.phial.engine.run.Activations;
import dev.phial.engine.run.Observer;
import dev.phial.model.Weight;

/**
 * A wish to stop, from another thread. Made the observer of a forward pass, it is heard within a
 * long prompt too.
 */
public final class Interruption implements Observer {
  private volatile boolean wanted;
  private volatile boolean isHeard;

  /** Asks for it. */
  public void request() {
    wanted = true;
  }

  boolean isWanted() {
    return wanted;
  }

  /** Forgets an earlier wish. */
  void clear() {
    wanted = false;
  }

  /** Whether a pass may be broken off, so that what it computed is lost. */
  void hear(boolean inPasses) {
    isHeard = inPasses;
  }

  @Override
  public void input(Weight weight, int expert, Activations input) {
    if (wanted && isHeard) {
      throw new Requested();
    }
  }

  /** Unwinds a forward pass. */
  static final class Requested extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Requested() {
      super(null, null, false, false);
    }
  }
}
