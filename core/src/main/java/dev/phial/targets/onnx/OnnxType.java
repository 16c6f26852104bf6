package dev.phial.targets.onnx;

import dev.phial.quant.FloatType;
import onnx.Onnx.TensorProto.DataType;

/** The element types of the tensors that are written. */
enum OnnxType {
  FLOAT(DataType.FLOAT, 32),
  FLOAT16(DataType.FLOAT16, 16),
  BFLOAT16(DataType.BFLOAT16, 16),
  BOOL(DataType.BOOL, 8),
  INT8(DataType.INT8, 8),
  UINT8(DataType.UINT8, 8),
  UINT16(DataType.UINT16, 16),
  INT32(DataType.INT32, 32),
  INT64(DataType.INT64, 64),
  /** Two to a byte, the even one below. */
  INT4(DataType.INT4, 4),
  UINT4(DataType.UINT4, 4);

  private final DataType type;
  private final int bits;

  OnnxType(DataType type, int bits) {
    this.type = type;
    this.bits = bits;
  }

  static OnnxType of(FloatType type) {
    return switch (type) {
      case F32 -> FLOAT;
      case F16 -> FLOAT16;
      case BF16 -> BFLOAT16;
    };
  }

  /** Its number in the protocol. */
  int number() {
    return type.getNumber();
  }

  /** Bytes of {@code elements} elements. */
  long bytes(long elements) {
    return (Math.multiplyExact(elements, bits) + 7) / 8;
  }
}
