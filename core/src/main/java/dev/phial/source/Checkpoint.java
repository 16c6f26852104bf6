package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A model at rest: its tensors, lazily, and whatever lies beside them. */
public sealed interface Checkpoint extends AutoCloseable permits HuggingFace, Gguf {
  /** The folder or file it was opened as. */
  Path path();

  /** What to call it: the name of the folder, or of the file without its ending. */
  String name();

  /**
   * {@code gguf}, {@code mlx}, {@code onnx}, {@code openvino}: the target that writes such; or
   * {@code huggingface}.
   */
  String kind();

  /** The tensors by name, in the order of the files. */
  Map<String, Tensor> tensors();

  /** Every file that holds tensors, for checks against the output. */
  List<Path> files();

  /** Releases the mapped files; tensors must not be read any more. */
  @Override
  void close();
}
