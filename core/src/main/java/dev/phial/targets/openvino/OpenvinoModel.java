package dev.phial.targets.openvino;

import dev.phial.plan.PlannedTensor;
import java.util.List;

/**
 * A graph and what of its data file comes from parameters.
 *
 * @param planned for people
 */
record OpenvinoModel(Ir graph, List<Stored> stored, List<PlannedTensor> planned) {
  OpenvinoModel {
    stored = List.copyOf(stored);
    planned = List.copyOf(planned);
  }
}
