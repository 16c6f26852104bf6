package dev.phial.source;

import com.google.flatbuffers.FlatBufferBuilder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Models of TensorFlow Lite as tests write them down, table by table. */
final class LitertFiles {
  static final int FLOAT32 = 0;
  static final int FLOAT16 = 1;
  static final int INT8 = 9;
  static final int INT4 = 17;

  private final FlatBufferBuilder builder = new FlatBufferBuilder(1 << 10);
  private final List<Integer> buffers = new ArrayList<>();
  private final List<Integer> tensors = new ArrayList<>();
  private final List<Integer> operators = new ArrayList<>();
  private final List<Integer> codes = new ArrayList<>(); // of the operators

  LitertFiles() {
    buffers.add(
        0); // that of tensors without data, made last: no byte of a file is unread at its end
  }

  /** Everything that is read: numbers, a scale for a row, scales for blocks. */
  static byte[] sound() {
    LitertFiles file = new LitertFiles();
    file.tensor("model.norm.weight", FLOAT32, file.buffer(new byte[16]), 0, 4);
    file.tensor("a.weight", FLOAT16, file.buffer(new byte[8]), 0, 2, 2);
    int rows = file.rows(new float[] {1, 2}, new long[2], 0);
    file.tensor("b.weight", INT8, file.buffer(new byte[4]), rows, 2, 2);
    int scales = file.tensor("c.weight_scales", FLOAT16, file.buffer(new byte[8]), 0, 2, 2);
    file.tensor("c.weight", INT4, file.buffer(new byte[4]), file.blocks(scales, 2), 2, 4);
    return file.model("decode");
  }

  int buffer(byte[] bytes) {
    builder.startVector(1, bytes.length, 16);
    for (int i = bytes.length - 1; i >= 0; i--) {
      builder.addByte(bytes[i]);
    }
    int data = builder.endVector();
    builder.startTable(3);
    builder.addOffset(0, data, 0);
    buffers.add(builder.endTable());
    return buffers.size() - 1;
  }

  /** One behind the flatbuffer. */
  int buffer(long offset, long size) {
    builder.startTable(3);
    builder.addLong(1, offset, 0);
    builder.addLong(2, size, 0);
    buffers.add(builder.endTable());
    return buffers.size() - 1;
  }

  int rows(float[] scales, long[] zeros, int dimension) {
    builder.startVector(4, scales.length, 4);
    for (int i = scales.length - 1; i >= 0; i--) {
      builder.addFloat(scales[i]);
    }
    int scaleVector = builder.endVector();
    builder.startVector(8, zeros.length, 8);
    for (int i = zeros.length - 1; i >= 0; i--) {
      builder.addLong(zeros[i]);
    }
    int zeroVector = builder.endVector();
    builder.startTable(7);
    builder.addOffset(2, scaleVector, 0);
    builder.addOffset(3, zeroVector, 0);
    builder.addInt(6, dimension, 0);
    return builder.endTable();
  }

  int blocks(int scales, int size) {
    builder.startTable(3);
    builder.addInt(0, scales, 0);
    builder.addInt(1, -1, 0);
    builder.addInt(2, size, 0);
    int details = builder.endTable();
    builder.startTable(7);
    builder.addByte(4, (byte) 2, 0);
    builder.addOffset(5, details, 0);
    return builder.endTable();
  }

  int tensor(String name, int type, int buffer, int quantization, int... shape) {
    int dimensions = numbers(shape);
    int text = builder.createString(name);
    builder.startTable(11);
    builder.addOffset(0, dimensions, 0);
    builder.addByte(1, (byte) type, 0);
    builder.addInt(2, buffer, 0);
    builder.addOffset(3, text, 0);
    builder.addOffset(4, quantization, 0);
    tensors.add(builder.endTable());
    return tensors.size() - 1;
  }

  /** The last tensor so often. */
  void again(int times) {
    int last = tensors.getLast();
    for (int i = 0; i < times; i++) {
      tensors.add(last);
    }
  }

  void operator(int code, int output, int... inputs) {
    builder.startTable(4);
    builder.addByte(0, (byte) Math.min(code, 127), 0);
    builder.addInt(3, code, 0);
    codes.add(builder.endTable());
    int inputVector = numbers(inputs);
    int outputVector = numbers(output);
    builder.startTable(13);
    builder.addInt(0, codes.size() - 1, 0);
    builder.addOffset(1, inputVector, 0);
    builder.addOffset(2, outputVector, 0);
    operators.add(builder.endTable());
  }

  /** The last operator so often. */
  void operatorAgain(int times) {
    operators.addAll(Collections.nCopies(times, operators.getLast()));
  }

  private int numbers(int... numbers) {
    builder.startVector(4, numbers.length, 4);
    for (int i = numbers.length - 1; i >= 0; i--) {
      builder.addInt(numbers[i]);
    }
    return builder.endVector();
  }

  byte[] model(String signature) {
    int tensorVector = vector(tensors);
    int operatorVector = vector(operators);
    int codeVector = vector(codes);
    builder.startTable(6);
    builder.addOffset(0, tensorVector, 0);
    builder.addOffset(3, operatorVector, 0);
    int graphs = vector(List.of(builder.endTable()));
    int key = builder.createString(signature);
    builder.startTable(5);
    builder.addOffset(2, key, 0);
    int signatures = vector(List.of(builder.endTable()));
    builder.startTable(3);
    buffers.set(0, builder.endTable());
    int bufferVector = vector(buffers);
    builder.startTable(10);
    builder.addInt(0, 3, 0);
    builder.addOffset(1, codeVector, 0);
    builder.addOffset(2, graphs, 0);
    builder.addOffset(4, bufferVector, 0);
    builder.addOffset(7, signatures, 0);
    builder.finish(builder.endTable(), "TFL3");
    return builder.sizedByteArray();
  }

  private int vector(List<Integer> offsets) {
    return builder.createVectorOfTables(offsets.stream().mapToInt(offset -> offset).toArray());
  }

  /** A bundle with a model in it. */
  static byte[] bundle(byte[] model) {
    FlatBufferBuilder table = new FlatBufferBuilder();
    table.startTable(4);
    table.addLong(1, 256, 0);
    table.addLong(2, 256 + model.length, 0);
    table.addByte(3, (byte) 3, 0);
    int sections = table.createVectorOfTables(new int[] {table.endTable()});
    table.startTable(1);
    table.addOffset(0, sections, 0);
    int all = table.endTable();
    table.startTable(2);
    table.addOffset(1, all, 0);
    table.finish(table.endTable());
    byte[] header = table.sizedByteArray();
    byte[] start =
        Arrays.copyOf(Bytes.of("LITERTLM", 1, 7, 0, 0, 32L + header.length, header), 256);
    return Bytes.of(start, model);
  }
}
