package dev.phial.targets.torch;

import java.util.List;

/** A folder in the layout of GPTQ's tools, symmetric. */
public final class GptqTarget extends PackedTarget {
  @Override
  public String name() {
    return "gptq";
  }

  @Override
  public List<String> precisions() {
    return List.of("4", "8");
  }

  @Override
  String precision(int bits) {
    return bits <= 4 ? "4" : "8";
  }

  @Override
  Scheme scheme(int bits, int size) {
    return new GptqScheme(bits, size);
  }
}
