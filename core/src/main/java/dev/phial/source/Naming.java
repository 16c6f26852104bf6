package dev.phial.source;

/** Whose names the tensors of a checkpoint have. */
public enum Naming {
  /** Those of transformers, with the variations of a family. */
  TRANSFORMERS,
  /** Those of the graphs that ONNX Runtime GenAI's model builder writes. */
  ONNX,
  /** Those of llama.cpp. */
  GGUF
}
