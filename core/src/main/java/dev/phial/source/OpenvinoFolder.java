package dev.phial.source;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;

/**
 * A folder for OpenVINO, ours or one of optimum-intel: the checkpoint it was made from, with its
 * weights in graphs under the names of the checkpoint.
 */
final class OpenvinoFolder implements Source {
  private static final String GRAPH = "openvino_model.xml";

  // of a model that sees
  private static final String EMBEDDINGS = "openvino_text_embeddings_model.xml";
  private static final String LANGUAGE = "openvino_language_model.xml";

  @Override
  public boolean isAt(Path path) {
    return (isIn(path, GRAPH) || isIn(path, LANGUAGE)) && !HubFiles.areIn(path);
  }

  private static boolean isIn(Path path, String graph) {
    return Files.isRegularFile(path.resolve(graph));
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Folder folder = Folder.read(path);
    boolean sees = !isIn(path, GRAPH);
    SequencedMap<Path, OpenvinoGraph> graphs = new LinkedHashMap<>();
    for (String name : sees ? List.of(EMBEDDINGS, LANGUAGE) : List.of(GRAPH)) {
      Path file = path.resolve(name);
      graphs.put(file, OpenvinoGraph.read(file, arena));
    }
    OpenvinoWeights.Contents contents = OpenvinoWeights.read(graphs);
    boolean tied = contents.tied(); // the graph may have two of one matrix
    return Checkpoint.of(
            "openvino",
            folder.config().flag("tie_word_embeddings", false) == tied ? folder : folder.tied(tied),
            new Weights(
                arena,
                graphs.keySet().stream()
                    .flatMap(file -> Stream.of(file, OpenvinoGraph.data(file)))
                    .toList(),
                contents.tensors(),
                Naming.TRANSFORMERS))
        .noting(sees ? List.of(TextModel.note(path)) : List.of());
  }
}
