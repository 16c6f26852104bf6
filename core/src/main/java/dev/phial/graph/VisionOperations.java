package dev.phial.graph;

import dev.phial.model.Weight;

/**
 * What an encoder of images is made of, laid down by a target.
 *
 * @param <V> what a target calls a result of its graph
 */
public interface VisionOperations<V> {
  /**
   * Cuts images into patches.
   *
   * @param images {@code [images, 3, side · patch, side · patch]}
   * @return {@code [images, side · side, 3 · patch · patch]}
   */
  V patches(V images, int side, int patch);

  /** A row before the others of each image. */
  V withFirst(Vector row, V rows);

  /** The others of each image. */
  V withoutFirst(V rows);

  /** What is the same for each image, added to its rows. */
  V plus(V rows, Weight all);

  /** The sum of both. */
  V plus(V a, V b);

  V norm(Norm norm, V rows);

  V linear(Linear linear, V rows);

  /**
   * Every row sees all of its image.
   *
   * @param like whose names its parts have
   */
  V attention(V queries, V keys, V values, int heads, Linear like);

  /** {@code x · sigmoid(1.702 x)}. */
  V quickGelu(V x);

  /** GELU by its error function. */
  V gelu(V x);

  /** GELU by a hyperbolic tangent. */
  V tanhGelu(V x);
}
