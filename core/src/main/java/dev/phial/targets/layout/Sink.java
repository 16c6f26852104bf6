package dev.phial.targets.layout;

import dev.phial.model.Weight;
import java.util.List;

/** Takes the parameters of a model, some rows at a time, from several threads and in any order. */
public interface Sink extends AutoCloseable {
  /** The parameters it wants, each once; the instances of the description, or its own. */
  List<Weight> weights();

  /** Whether it needs the values of a parameter; otherwise it copies the bytes itself. */
  boolean needsValues(Weight weight);

  /**
   * Takes rows of one matrix.
   *
   * @param first row of the parameter
   * @param values {@code [count][columns]}, finite; not kept, not changed, meaningless if {@link
   *     #needsValues} says no
   */
  void accept(Weight weight, long first, int count, float[] values);

  /** Called when every row has come: makes the output appear. */
  void commit();

  /** Removes what was written, unless it has been committed. */
  @Override
  void close();
}
