package dev.phial.targets.torch;

import java.util.List;

/** A folder in AutoAWQ's layout for GEMM. */
public final class AwqTarget extends PackedTarget {
  @Override
  public String name() {
    return "awq";
  }

  @Override
  public List<String> precisions() {
    return List.of("4");
  }

  @Override
  String precision(int bits) {
    return "4";
  }

  @Override
  Scheme scheme(int bits, int size) {
    return new AwqScheme(size);
  }
}
