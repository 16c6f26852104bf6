package dev.phial.targets.litert;

/** What tensors are made of, with the number that TensorFlow Lite's schema gives it. */
enum ElementType {
  FLOAT32(0),
  FLOAT16(1),
  INT32(2),
  BOOL(6),
  INT8(9),
  INT4(17);

  private final byte number;

  ElementType(int number) {
    this.number = (byte) number;
  }

  byte number() {
    return number;
  }
}
