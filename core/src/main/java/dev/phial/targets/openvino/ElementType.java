package dev.phial.targets.openvino;

import dev.phial.quant.FloatType;
import java.util.Locale;

/** The types of OpenVINO's tensors. */
enum ElementType {
  F32("FP32", 32),
  F16("FP16", 16),
  BF16("BF16", 16),
  I64("I64", 64),
  I32("I32", 32),
  U8("U8", 8),
  I8("I8", 8),
  U4("U4", 4),
  I4("I4", 4),
  NF4("NF4", 4),
  F4E2M1("F4E2M1", 4),
  F8E4M3("F8E4M3", 8),
  F8E8M0("F8E8M0", 8),
  BOOLEAN("BOOL", 8),
  STRING("STRING", 0);

  private final String port;
  private final int bits;

  ElementType(String port, int bits) {
    this.port = port;
    this.bits = bits;
  }

  static ElementType of(FloatType type) {
    return switch (type) {
      case F32 -> F32;
      case F16 -> F16;
      case BF16 -> BF16;
    };
  }

  /** What attributes of layers call it. */
  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** What ports of layers call it. */
  String port() {
    return port;
  }

  /** Bytes of {@code elements} of them, the last one filled up. */
  long bytes(long elements) {
    return Math.ceilDiv(elements * bits, Byte.SIZE);
  }
}
