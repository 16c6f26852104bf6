package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/**
 * A folder for OpenVINO, ours or one of optimum-intel: the checkpoint it was made from, with its
 * weights in a graph.
 *
 * @param config config.json, which comes along
 * @param files the graph and its data
 * @param tensors under the names of the checkpoint
 */
record OpenvinoFolder(Config config, List<Path> files, Map<String, Tensor> tensors) {
  private static final String GRAPH = "openvino_model.xml";

  static boolean isAt(Path folder) {
    return Files.isRegularFile(folder.resolve(GRAPH));
  }

  /**
   * Maps the graph; weights are not read.
   *
   * @throws PhialException.BadInput if a file is missing or damaged
   * @throws PhialException.Unsupported if the graph is no decoder as optimum-intel exports it
   */
  static OpenvinoFolder read(Path folder, Arena arena) {
    Config config = Config.read(folder.resolve("config.json"));
    Path file = folder.resolve(GRAPH);
    OpenvinoWeights.Contents contents = OpenvinoWeights.read(file, OpenvinoGraph.read(file, arena));
    ObjectNode json = (ObjectNode) config.json().deepCopy();
    if (config.flag("tie_word_embeddings", false) != contents.tied()) {
      json.put("tie_word_embeddings", contents.tied()); // the graph may have two of one matrix
    }
    return new OpenvinoFolder(
        new Config(config.file(), json),
        List.of(file, OpenvinoGraph.data(file)),
        contents.tensors());
  }
}
