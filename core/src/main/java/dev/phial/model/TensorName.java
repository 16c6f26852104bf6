package dev.phial.model;

import dev.phial.tensor.Shape;
import java.util.function.Function;

/**
 * One row of a family's name table: what a parameter is called in each format, without {@code
 * .weight} or {@code .bias}.
 *
 * @param huggingFace with {@code {}} for the layer and a second one for the expert; ending in
 *     {@code *} it stands for every name that starts so
 * @param gguf with {@code {}} for the layer; empty where llama.cpp has no such parameter
 * @param mlx with {@code {}} for the layer
 * @param shape of the weight, outermost dimension first
 */
public record TensorName(
    Role role,
    String huggingFace,
    String gguf,
    String mlx,
    Function<Hyperparameters, Shape> shape) {

  /** A parameter that MLX calls as the checkpoint does. */
  public TensorName(
      Role role, String huggingFace, String gguf, Function<Hyperparameters, Shape> shape) {
    this(role, huggingFace, gguf, huggingFace, shape);
  }

  static TensorName of(
      Role role, String huggingFace, String gguf, Function<Hyperparameters, Shape> shape) {
    return new TensorName(role, huggingFace, gguf, shape);
  }

  /** Everything under a prefix, of no interest to the text model. */
  static TensorName all(Role role, String prefix) {
    return new TensorName(role, prefix + "*", "", hyperparameters -> Shape.of());
  }

  TensorName withMlx(String name) {
    return new TensorName(role, huggingFace, gguf, name, shape);
  }

  boolean isPrefix() {
    return huggingFace.endsWith("*");
  }

  public boolean isPerLayer() {
    return huggingFace.contains("{}");
  }

  /** Whether a checkpoint keeps one tensor per expert under this name. */
  boolean isPerExpert() {
    return huggingFace.indexOf("{}") != huggingFace.lastIndexOf("{}");
  }

  String huggingFace(int layer, Part part) {
    return huggingFace.replaceFirst("\\{}", Integer.toString(layer)) + part.suffix();
  }

  public String gguf(int layer, Part part) {
    return gguf.replace("{}", Integer.toString(layer)) + part.suffix();
  }

  public String mlx(int layer, Part part) {
    return mlx.replace("{}", Integer.toString(layer)) + part.suffix();
  }
}
