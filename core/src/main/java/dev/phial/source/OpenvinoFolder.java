package dev.phial.source;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A folder for OpenVINO, ours or one of optimum-intel: the checkpoint it was made from, with its
 * weights in a graph under the names of the checkpoint.
 */
final class OpenvinoFolder implements Source {
  private static final String GRAPH = "openvino_model.xml";

  @Override
  public boolean isAt(Path path) {
    return Files.isRegularFile(path.resolve(GRAPH)) && !HubFiles.areIn(path);
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Folder folder = Folder.read(path);
    Path file = path.resolve(GRAPH);
    OpenvinoWeights.Contents contents = OpenvinoWeights.read(file, OpenvinoGraph.read(file, arena));
    boolean tied = contents.tied(); // the graph may have two of one matrix
    return Checkpoint.of(
        "openvino",
        folder.config().flag("tie_word_embeddings", false) == tied ? folder : folder.tied(tied),
        new Weights(
            arena,
            List.of(file, OpenvinoGraph.data(file)),
            contents.tensors(),
            Naming.TRANSFORMERS));
  }
}
