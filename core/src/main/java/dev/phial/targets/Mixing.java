package dev.phial.targets;

import dev.phial.quant.Format;
import java.util.List;

/** How an output may have matrices of several types, each for itself, as its runtime allows. */
public interface Mixing {
  /** Requests for outputs whose matrices all have one of the types, the smallest first. */
  List<Request> pure(Request request);

  /** What the option calls a type. */
  String type(Format format);

  /**
   * The option that gives a matrix a type, as it stands after {@code --to}.
   *
   * @param tensor of the output
   */
  String option(String tensor, String type);
}
