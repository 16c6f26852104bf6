package dev.phial.target;

import java.util.List;

/** A kind of output: what one runtime loads. */
public interface Target {
  /** What the user calls it, before the colon of {@code --to}. */
  String name();

  /** What may stand after the colon, the common ones first. */
  List<String> precisions();

  /** The options it knows, under the names of the runtime's own tools. */
  List<TargetOption> options();

  /**
   * Plans the output; nothing is written.
   *
   * @throws dev.phial.PhialException.Unsupported if the runtime cannot load such a model
   * @throws dev.phial.PhialException.Usage if options contradict each other
   */
  Job plan(Request request);

  /** The name of an output that the user gave no name, without its folder. */
  String defaultName(Request request);
}
