package dev.phial.engine.sample;

import dev.phial.PhialException;
import java.util.List;

/**
 * Ends a text before the first of some strings, however tokens cut it up: what may be the start of
 * one is held back until it is known.
 */
public final class StopStrings {
  private final List<String> stops;
  private String held = "";
  private boolean reached;

  /**
   * @throws PhialException.Usage if one of them is empty
   */
  public StopStrings(List<String> stops) {
    if (stops.contains("")) {
      throw new PhialException.Usage("--stop: expected some text, found none");
    }
    this.stops = List.copyOf(stops);
  }

  /** Takes more text and returns what of it can be shown. */
  public String add(String text) {
    if (reached) {
      return "";
    }
    String all = held + text;
    int end = all.length();
    for (String stop : stops) {
      int at = all.indexOf(stop);
      if (at >= 0 && at < end) {
        end = at;
        reached = true;
      }
    }
    int shown = reached ? end : all.length() - possible(all);
    held = reached ? "" : all.substring(shown);
    return all.substring(0, shown);
  }

  /** How many characters at the end may start a stop string. */
  private int possible(String text) {
    int most = 0;
    for (String stop : stops) {
      for (int length = Math.min(stop.length() - 1, text.length()); length > most; length--) {
        if (text.endsWith(stop.substring(0, length))) {
          most = length;
        }
      }
    }
    return most;
  }

  /** Whether the text has ended. */
  public boolean isReached() {
    return reached;
  }

  /** What is left when the text ends for another reason. */
  public String end() {
    String rest = held;
    held = "";
    return rest;
  }
}
