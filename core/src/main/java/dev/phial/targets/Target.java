package dev.phial.targets;

import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.targets.layout.Layout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

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
  Layout plan(Request request);

  /**
   * Whether an output needs to know what flows through the model: it can be planned without, but
   * written only if the request says.
   */
  default boolean needsRanges(Request request) {
    return false;
  }

  /** Where activations must be seen for such an output. */
  default Set<ActivationPoint> points(Request request) {
    return ActivationPoint.OF_MATRICES;
  }

  /** How they are found. */
  default CalibrationOptions calibration(Request request) {
    return CalibrationOptions.of(request.options());
  }

  /** How outputs may mix types, if the runtime loads such. */
  default Optional<Mixing> mixing() {
    return Optional.empty();
  }

  /** Whether an output is a folder rather than one or several files. */
  default boolean writesFolder() {
    return false;
  }

  /**
   * What the runtime does with such a model that the reference implementation does not, a line
   * each: for the user to know, nothing that planning could mend.
   */
  default List<String> caveats(ModelDescription model) {
    return List.of();
  }

  /** What a user should know of one output, whose options may make a difference. */
  default List<String> caveats(Request request) {
    return caveats(request.model());
  }

  /** Files that a request for it names, the checkpoint aside. */
  default List<Path> inputs(Request request) {
    return Stream.concat(
            request.text().inputs().stream(),
            options().stream()
                .filter(TargetOption::isFile)
                .flatMap(option -> request.options().all(option.name()).stream())
                .map(Path::of))
        .toList();
  }

  /**
   * A command of the runtime's own that loads an output and says something.
   *
   * @param path of the output, or of the first of its files, as a shell takes it
   */
  String command(String path, Request request);

  /** The name of an output that the user gave no name, without its folder. */
  String defaultName(Request request);
}
