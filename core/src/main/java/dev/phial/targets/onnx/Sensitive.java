package dev.phial.targets.onnx;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The matrices that {@code mixed_layers} keeps in 8 bits: values and down projections of the first
 * and last eighth of the layers and of every third between, after llama.cpp.
 */
final class Sensitive {
  private static final Pattern NODE =
      Pattern.compile("/model/layers\\.(\\d+)/(attn/qkv_proj|attn/v_proj|mlp/down_proj)/MatMul");

  private Sensitive() {}

  static boolean isUpgraded(String node, int layers) {
    Matcher matcher = NODE.matcher(node);
    if (!matcher.matches()) {
      return false;
    }
    int layer = Integer.parseInt(matcher.group(1));
    double eighth = layers / 8.0;
    return layer < eighth
        || layer >= 7 * layers / 8.0
        || Math.floorMod(layer - (int) Math.rint(eighth), 3) == 2;
  }
}
