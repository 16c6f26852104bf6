package dev.phial.graph;

import dev.phial.model.Part;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.model.VisionRole;

/**
 * An encoder of images and its projector, operation by operation, for whoever lays them down: a
 * transformer in which every patch of an image sees every other.
 *
 * @param <V> what a target calls a result of its graph
 */
public final class VisionGraph<V> {
  private final Vision vision;
  private final VisionOperations<V> operations;

  public VisionGraph(Vision vision, VisionOperations<V> operations) {
    this.vision = vision;
    this.operations = operations;
  }

  /**
   * What the encoder says of each patch before its last layer.
   *
   * @param images {@code [images, 3, side · patch, side · patch]}
   * @return {@code [images, side · side, hidden]}
   */
  public V encode(V images) {
    V patches = operations.patches(images, vision.side(), vision.patch());
    V rows = operations.linear(linear(VisionRole.PATCHES, -1), patches);
    boolean hasClass = vision.kind() == VisionKind.CLIP;
    if (hasClass) {
      Vector row = Vector.of(vision.weight(VisionRole.CLASS, -1, Part.WEIGHT));
      rows = operations.withFirst(row, rows);
    }
    rows = operations.plus(rows, vision.weight(VisionRole.POSITIONS, -1, Part.WEIGHT));
    if (hasClass) {
      rows = operations.norm(norm(VisionRole.FIRST_NORM, -1), rows);
    }
    for (int layer = 0; layer < vision.layers(); layer++) {
      rows = layer(layer, rows);
    }
    return hasClass ? operations.withoutFirst(rows) : rows;
  }

  private V layer(int layer, V rows) {
    V normed = operations.norm(norm(VisionRole.ATTENTION_NORM, layer), rows);
    Linear queries = linear(VisionRole.ATTENTION_Q, layer);
    V attended =
        operations.attention(
            operations.linear(queries, normed),
            operations.linear(linear(VisionRole.ATTENTION_K, layer), normed),
            operations.linear(linear(VisionRole.ATTENTION_V, layer), normed),
            vision.heads(),
            queries);
    V sum =
        operations.plus(
            rows, operations.linear(linear(VisionRole.ATTENTION_OUTPUT, layer), attended));
    V again = operations.norm(norm(VisionRole.FFN_NORM, layer), sum);
    V inner = operations.linear(linear(VisionRole.FFN_UP, layer), again);
    V active =
        vision.kind() == VisionKind.CLIP ? operations.quickGelu(inner) : operations.tanhGelu(inner);
    return operations.plus(sum, operations.linear(linear(VisionRole.FFN_DOWN, layer), active));
  }

  /**
   * Rows as the text model takes them in the place of tokens.
   *
   * @param rows {@code [images, rows, columns]} of what the projector takes
   * @return {@code [images, rows, text]}
   */
  public V project(V rows) {
    V up = operations.linear(linear(VisionRole.PROJECTOR_UP, -1), rows);
    return operations.linear(linear(VisionRole.PROJECTOR_DOWN, -1), operations.gelu(up));
  }

  private Linear linear(VisionRole role, int layer) {
    return new Linear(
        Matrix.of(vision.weight(role, layer, Part.WEIGHT)),
        vision.find(role, layer, Part.BIAS).map(Vector::of));
  }

  private Norm norm(VisionRole role, int layer) {
    return new Norm(
        Vector.of(vision.weight(role, layer, Part.WEIGHT)),
        vision.find(role, layer, Part.BIAS).map(Vector::of),
        vision.epsilon());
  }
}
