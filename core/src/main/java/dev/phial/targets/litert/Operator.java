package dev.phial.targets.litert;

/** The operators of TensorFlow Lite that a decoder needs, by the numbers of its schema. */
enum Operator {
  ADD(0, 1, 11, 2),
  CONCATENATION(2, 1, 10, 2),
  DEQUANTIZE(6, 3, 38, 0),
  EMBEDDING_LOOKUP(7, 4, 0, 0),
  FULLY_CONNECTED(9, 12, 8, 5),
  LOGISTIC(14, 1, 0, 0),
  MUL(18, 1, 21, 1),
  RESHAPE(22, 1, 17, 1),
  SOFTMAX(25, 1, 9, 1),
  GATHER(36, 1, 23, 2),
  TRANSPOSE(39, 1, 26, 0),
  MEAN(40, 1, 27, 1),
  SUB(41, 1, 28, 2),
  CAST(53, 1, 37, 2),
  GREATER_EQUAL(62, 1, 45, 0),
  SLICE(65, 1, 48, 0),
  RSQRT(76, 1, 0, 0),
  QUANTIZE(114, 1, 0, 0),
  BATCH_MATMUL(126, 1, 101, 3),
  GELU(150, 1, 116, 1),
  DYNAMIC_UPDATE_SLICE(151, 1, 117, 0);

  private final int number;
  private final int version;
  private final int options;
  private final int fields;

  /**
   * @param version the first one that takes all that is asked of it here
   * @param options member of the union {@code BuiltinOptions}; 0 if it has none
   * @param fields of that table
   */
  Operator(int number, int version, int options, int fields) {
    this.number = number;
    this.version = version;
    this.options = options;
    this.fields = fields;
  }

  int number() {
    return number;
  }

  int version() {
    return version;
  }

  int options() {
    return options;
  }

  int fields() {
    return fields;
  }
}
