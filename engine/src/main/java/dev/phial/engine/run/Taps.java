package dev.phial.engine.run;

import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import java.util.Map;

/** Shows what flows through a model where it is asked to, to be read or to be replaced. */
public interface Taps {
  /** Closed everywhere. */
  Taps NONE =
      new Taps() {
        @Override
        public boolean isOpen(ActivationPlace place) {
          return false;
        }

        @Override
        public void flow(ActivationPlace place, float[] values, int from, int count) {}
      };

  /** Replaces activations by what their codes stand for. */
  static Taps rounding(Map<ActivationPlace, ActivationCodes> codes) {
    return codes.isEmpty()
        ? NONE
        : new Taps() {
          @Override
          public boolean isOpen(ActivationPlace place) {
            return codes.containsKey(place);
          }

          @Override
          public void flow(ActivationPlace place, float[] values, int from, int count) {
            ActivationCodes found = codes.get(place);
            if (found != null) {
              found.round(values, from, count);
            }
          }
        };
  }

  /** Whether to show what flows at a place; asked again in every pass. */
  boolean isOpen(ActivationPlace place);

  /**
   * Called with one row, the activations of one token, before they are used; from several threads
   * and in any order.
   *
   * @param values from {@code from} on, to be read or replaced only now
   */
  void flow(ActivationPlace place, float[] values, int from, int count);
}
