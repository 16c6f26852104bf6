package dev.phial.targets.onnx;

import dev.phial.io.OutputFile;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The file beside the graph that holds its tensors one after the other, without gaps. */
final class DataFile {
  static final String NAME = "model.onnx.data";

  private final OutputFile file;
  private final Map<Initializer, Long> offsets;

  DataFile(OutputFile file, Map<Initializer, Long> offsets) {
    this.file = file;
    this.offsets = offsets;
  }

  /** Where each tensor begins. */
  static Map<Initializer, Long> offsets(List<Initializer> initializers) {
    Map<Initializer, Long> offsets = new HashMap<>();
    long offset = 0;
    for (Initializer initializer : initializers) {
      offsets.put(initializer, offset);
      offset += initializer.bytes();
    }
    return offsets;
  }

  /** Writes into a tensor; positions are bytes from its beginning. */
  void write(Initializer initializer, ByteBuffer bytes, long position) {
    Long offset = offsets.get(initializer);
    if (offset == null || position + bytes.remaining() > initializer.bytes()) {
      throw new IllegalArgumentException("not a place in " + initializer);
    }
    file.write(bytes, offset + position);
  }

  void write(Initializer initializer, byte[] bytes, long position) {
    write(initializer, ByteBuffer.wrap(bytes), position);
  }
}
